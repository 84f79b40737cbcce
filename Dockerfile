# confab in a container. With REDIS_ADDR it uses that Redis (docker-compose.yml does); without, it
# runs one of its own and keeps its data in the volume /data:
#   docker build -t confab . && docker run -p 8080:8080 -v confab:/data -e ALLOWED_HOSTS='*' confab

FROM debian:bookworm-slim AS build
WORKDIR /confab
COPY scripts/deps.sh scripts/deps.sh
RUN scripts/deps.sh build
COPY . .
RUN cmake --preset release -DCONFAB_TESTS=OFF \
    && cmake --build --preset release --target confab \
    && strip build/release/confab

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        libavahi-client3 libevent-core-2.1-7 libhiredis0.14 libicu72 libjansson4 libjwt0 \
        libev4 libmagic1 libqrencode4 libsodium23 libsqlite3-0 libssl3 libsystemd0 libunistring2 \
        libwebsockets17 libwebsockets-evlib-ev redis-server \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --no-create-home --uid 10001 --home-dir /data --shell /usr/sbin/nologin confab \
    && install -d -o confab -g confab -m 700 /data /data/files
COPY --from=build /confab/build/release/confab /usr/local/bin/confab
RUN confab --version
USER confab
WORKDIR /data
VOLUME /data
ENV DATA_DIR=/data
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=6s --start-period=15s CMD ["confab", "--check-health"]
ENTRYPOINT ["confab"]
