# The image holds one static binary and the certificates it needs to speak TLS; no shell, not root.
#   docker build --build-arg VERSION=1.0.0 -t chaffer .
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X chaffer/internal/buildinfo.version=${VERSION}" -o /chaffer ./cmd/chaffer \
 && mkdir /data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /chaffer /usr/local/bin/chaffer
COPY --from=build --chown=nonroot:nonroot /data /data
ENV APP_ENV=production HOST=0.0.0.0 PORT=3000
WORKDIR /
EXPOSE 3000
USER nonroot
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["/usr/local/bin/chaffer", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/chaffer"]
CMD ["serve"]
