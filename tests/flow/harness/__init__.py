"""What the flow tests are made of: the real program, a real registry, a fake one, strict clients.

Nothing in here knows what is being tested. Each class owns what it starts and is a context
manager; what a killed test run leaves behind ends with it (PR_SET_PDEATHSIG, namespaces without a
name).
"""
