# Builds the gateway and ships the binary alone. Both base images can be replaced:
#   docker build --build-arg BASE=registry.example/distroless/cc@sha256:… -t mfa-gateway .
# Pin them by digest where images must be reproducible. The builder's C library must not be newer than the base's:
# bookworm goes with debian12.
ARG BUILDER=rust:1.95.0-bookworm
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILDER} AS build
WORKDIR /src
COPY . .
# Any value leaves out the profile, and with it half of the time: --build-arg NO_PROFILE=1.
ARG NO_PROFILE
# Optimised by a profile that is recorded here, or without one and with the reason, where the builder can't have what that
# needs (deploy/release --help).
# The caches keep the registry and the compiled dependencies between builds. Cargo tells by its date whether a file has
# changed, and a context can carry any date: `touch` has our own code compiled anew every time.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    touch src/lib.rs src/main.rs crates/*/src/lib.rs \
    && deploy/release --no-compare ${NO_PROFILE:+--no-profile} \
    && cp target/release-build/mfa-gateway /mfa-gateway

FROM ${BASE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="mfa-gateway" \
      org.opencontainers.image.description="Lets a partner API be called only by users who completed MFA" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
COPY LICENSE /licenses/LICENSE
COPY --from=build /mfa-gateway /usr/local/bin/mfa-gateway
# A number, not a name: the kubelet's `runAsNonRoot` can't look names up.
USER 65532:65532
# Traffic and admin, as in the examples; the configuration decides.
EXPOSE 8080 9090
ENTRYPOINT ["/usr/local/bin/mfa-gateway"]
CMD ["serve", "--config", "/etc/mfa-gateway/gateway.yaml"]
