# nearset with DuckDB's library and extensions. For sql/ and views/ of your own, mount their folder at /project. With all that
# may stand beside it: deploy/compose.yml.
#   docker build -t nearset .
#   docker run -v data:/data -v models:/models -v "$PWD/exports:/exports:ro" -e DATA_JSON_DIR=/exports nearset run
#   docker run -v data:/data -v models:/models -p 8000:8000 nearset serve --schedule

FROM node:22-bookworm-slim AS duckdb
COPY deploy/fetch-duckdb.sh /
RUN /fetch-duckdb.sh /duckdb

FROM python:3.13-slim-bookworm AS extensions
COPY deploy/fetch-extensions.sh /
RUN /fetch-extensions.sh /extensions

FROM rust:1.95-bookworm AS build
WORKDIR /nearset
COPY --from=duckdb /duckdb /duckdb
COPY . .
ENV DUCKDB_LIB_DIR=/duckdb
RUN cargo build --release --locked && strip target/release/nearset

FROM debian:bookworm-slim
# the user that owned the replaced system's volumes
RUN useradd --uid 50000 --gid 0 --no-create-home nearset \
    && install -d -o 50000 -g 0 -m 0775 /data /models
WORKDIR /project
COPY --from=build /nearset/target/release/nearset /app/bin/
COPY --from=duckdb /duckdb/libduckdb.so /app/lib/nearset/
COPY --from=extensions /extensions /app/lib/nearset/extensions/
ENV PATH=/app/bin:$PATH DATA_DIR=/data MODELS_DIR=/models LISTEN=0.0.0.0:8000
USER 50000
VOLUME ["/data", "/models"]
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/8000 && printf 'GET /health/ready HTTP/1.0\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["nearset"]
CMD ["serve"]
