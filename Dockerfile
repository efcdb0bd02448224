# Picard in an image with nothing else in it: the binary, the C library that it
# stands on, and the certificates of the Internet. No shell, no package manager.
#
#   docker build -t picard .
#   docker run -p 127.0.0.1:8001:8001 -v picard:/data picard

# Debian, as scripts/image-root takes the C library from here.
ARG RUST_IMAGE=rust:1.95-slim-bookworm

FROM ${RUST_IMAGE} AS build
WORKDIR /src
# Who debugs a crash gets the names of functions, and lines from a local build.
ENV CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0 \
    CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_RELEASE_STRIP=debuginfo
COPY . .
# What was built of the dependencies stays on the builder, between builds; the
# image gets no layer of it.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release -p picard --bin picard \
    && scripts/image-root target/release/picard /image

FROM scratch
LABEL org.opencontainers.image.title="Picard" \
      org.opencontainers.image.description="Memory that a person owns and every AI assistant can use, by permission." \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /image/root/ /
# The one place that is written to: a volume, which takes over owner and mode.
COPY --from=build --chown=65532:65532 /image/data/ /
ENV PATH=/usr/local/bin HOME=/data \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    PICARD_DATA_DIR=/data \
    PICARD_SERVER_LISTEN=0.0.0.0:8001 \
    PICARD_WEB_LISTEN=0.0.0.0:8000
# By number, so that orchestrators can see that it is not root.
USER 65532:65532
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8000 8001
# Open requests may finish, for 10 seconds at most.
STOPSIGNAL SIGTERM
# Of the server; for the web client: ["picard", "health", "web"].
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 \
    CMD ["picard", "health", "server"]
ENTRYPOINT ["picard"]
CMD ["server"]
