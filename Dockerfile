# Layergate's image: docker build -t layergate .
# The program is built from this checkout with the release preset's hardening.

FROM debian:bookworm AS build
WORKDIR /src
COPY scripts/packages scripts/packages
RUN apt-get update && \
    sed -e 's/#.*//' scripts/packages/build.txt | \
      xargs apt-get install -y --no-install-recommends && \
    rm -rf /var/lib/apt/lists/*
COPY . .
RUN cmake --preset release && cmake --build --preset release && \
    install -D -m 0755 build/release/cli/layergate /out/layergate

FROM debian:bookworm-slim
COPY scripts/packages/image.txt /tmp/image.txt
RUN apt-get update && \
    sed -e 's/#.*//' /tmp/image.txt | xargs apt-get install -y --no-install-recommends && \
    rm -rf /var/lib/apt/lists/* /tmp/image.txt && \
    groupadd --gid 10001 layergate && \
    useradd --uid 10001 --gid 10001 --home-dir /var/lib/layergate --no-create-home \
      --shell /usr/sbin/nologin layergate && \
    install -d -o layergate -g layergate -m 0700 /var/lib/layergate
COPY --from=build /out/layergate /usr/local/bin/layergate
USER 10001:10001
EXPOSE 5000 8080
ENV LAYERGATE_CONFIG_DIR=/etc/layergate
ENTRYPOINT ["layergate"]
CMD ["serve"]
