from typing import Optional, Sequence

class Service:
    def call(
        self, method: str, path: Sequence[str], query: Sequence[tuple[str, str]], body: str
    ) -> tuple[int, str]: ...

def open(config_dir: str) -> tuple[Optional[Service], tuple[int, str], list[str]]: ...
