#!/usr/bin/env bash
# Starts the web server and keeps it running. A real fleet would start its own program in the place of this one.
set -euo pipefail

readonly ROOT=/srv/web

main() {
  install -d -m 0755 "$ROOT"
  echo "ok" >"$ROOT/healthz"
  install_service
  systemctl daemon-reload
  systemctl enable --now web.service
}

install_service() {
  cat >/etc/systemd/system/web.service <<UNIT
[Unit]
Description=Web server
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/usr/bin/python3 -m http.server 8080 --directory $ROOT
Restart=always
RestartSec=2
DynamicUser=yes

[Install]
WantedBy=multi-user.target
UNIT
}

main "$@"
