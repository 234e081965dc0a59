#!/usr/bin/env bash
# Boots a database instance of the fleet `shared-postgres`.
#
# It waits for two things before it touches any data: that this instance is the occupant of its slot, and that the
# volume of its claim is attached. A replacement boots while the old instance may still be running; until the controller
# has proof that the old one can no longer write, the role is not `occupant` and the volume is not here.
#
# cloud-init runs this once, and once is not enough: an instance may be rebooted, or stopped and started. So it only
# installs itself as a service, which prepares the volume and runs the database at every boot.
#
# The image brings PostgreSQL, with the service of its own package disabled. Nothing is installed at boot, because in
# an outage the package mirrors fail too.
set -euo pipefail

readonly METADATA=http://169.254.169.254/latest
readonly DEVICE=/dev/sdf
readonly MOUNT=/srv/postgres
readonly DATA="$MOUNT/data"
readonly PROGRAM=/usr/local/sbin/fleet-postgres
readonly POLL_SECONDS=2
# What comes before {fleet}/{slot}/{incarnation} in the `archive` of the declaration, such as s3://your-backups. Empty
# where none is declared. WAL-G and what it needs are in the image; the instance profile lets it read and write there.
readonly ARCHIVES=""
# PostgreSQL takes 1 to 125 for the end of the log and then starts to serve: what merely failed must be told otherwise.
readonly END_OF_LOG=1 FAILED_TO_FETCH=200

main() {
  case "${1:-install}" in
    install) install_service ;;
    prepare) prepare ;;
    run) run_postgres ;;
    fetch) fetch_segment "$2" "$3" ;;
    archive) archive_segment "$2" ;;
    base) archive_base ;;
  esac
}

install_service() {
  install -m 0755 "${BASH_SOURCE[0]}" "$PROGRAM"
  cat >/etc/systemd/system/fleet-postgres.service <<UNIT
[Unit]
Description=PostgreSQL on the volume of this slot
Wants=network-online.target
After=network-online.target

[Service]
ExecStartPre=$PROGRAM prepare
ExecStart=$PROGRAM run
# The volume may come late; the controller, not systemd, decides how long is too long.
TimeoutStartSec=infinity
Restart=always
RestartSec=5
# PostgreSQL's fast shutdown: to the server alone first, then to what is left.
KillSignal=SIGINT
KillMode=mixed
TimeoutStopSec=90

[Install]
WantedBy=multi-user.target
UNIT
  [[ -z "$ARCHIVES" ]] || install_base_backups
  systemctl daemon-reload
  systemctl enable --now --no-block fleet-postgres.service
}

# A base backup at once, since an archive without one is no restore point, and then every day.
install_base_backups() {
  cat >/etc/systemd/system/fleet-postgres-base.service <<UNIT
[Unit]
Description=Base backup of PostgreSQL
Requisite=fleet-postgres.service
After=fleet-postgres.service

[Service]
Type=oneshot
ExecStart=$PROGRAM base
Restart=on-failure
RestartSec=30
UNIT
  cat >/etc/systemd/system/fleet-postgres-base.timer <<UNIT
[Timer]
OnActiveSec=1min
OnUnitInactiveSec=1d

[Install]
WantedBy=timers.target
UNIT
  mkdir -p /etc/systemd/system/timers.target.wants
  ln -sf ../fleet-postgres-base.timer /etc/systemd/system/timers.target.wants/
}

prepare() {
  local device
  say "waiting for the role"
  wait_for_role occupant
  say "waiting for the volume at $DEVICE"
  device=$(wait_for_device)
  say "the volume is $device"
  make_filesystem_if_blank "$device"
  mount_volume "$device"
  [[ -z "$ARCHIVES" ]] || replay_the_parents_archive
  make_database_if_none
}

say() {
  logger --tag boot "$*" || true
  echo "boot: $*"
}

# Instance metadata, version 2: a session token first. Fails while the service does not answer or the key is not there.
metadata() {
  local token
  token=$(curl --silent --fail --max-time 5 --request PUT \
    --header "X-aws-ec2-metadata-token-ttl-seconds: 300" "$METADATA/api/token") || return 1
  curl --silent --fail --max-time 5 --header "X-aws-ec2-metadata-token: $token" \
    "$METADATA/meta-data/$1"
}

# One of the controller's tags, which are there from the launch; only the role changes.
tag() {
  metadata "tags/instance/fleet-reconciler:$1"
}

# The controller writes the role into this instance's tags; it may change while we look.
wait_for_role() {
  local role
  while true; do
    role=$(metadata "tags/instance/fleet-reconciler:role" || true)
    [[ "$role" == "$1" ]] && return 0
    sleep "$POLL_SECONDS"
  done
}

# The block device of the claim. On Nitro it is an NVMe device that knows the name it was attached under; on Xen the
# kernel shows /dev/sdf as /dev/xvdf. Amazon's and Ubuntu's images also make a link with the name as attached; others
# need nvme-cli.
wait_for_device() {
  local found
  while true; do
    found=$(find_device) && break
    sleep "$POLL_SECONDS"
  done
  readlink --canonicalize "$found"
}

find_device() {
  local candidate
  for candidate in "$DEVICE" "${DEVICE/sd/xvd}"; do
    [[ -b "$candidate" ]] && echo "$candidate" && return 0
  done
  for candidate in /dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol*; do
    [[ -b "$candidate" && ! "$candidate" =~ (-part[0-9]+|_[0-9]+)$ ]] || continue
    [[ "$(attached_as "$candidate")" == "${DEVICE#/dev/}" ]] && echo "$candidate" && return 0
  done
  return 1
}

# The name under which EBS attached an NVMe device, from its controller's vendor field (bytes 3072 to 3103), which
# holds it with or without /dev/ in front. Empty when it cannot be told.
attached_as() {
  local name
  # Without pipefail: dd stops reading early, which must not count as a failure of nvme.
  name=$(
    set +o pipefail
    nvme id-ctrl --raw-binary "$1" 2>/dev/null | dd bs=1 skip=3072 count=32 status=none | tr -d '\0 '
  )
  echo "${name#/dev/}"
}

# A new slot's volume is blank. One that holds anything is never formatted: blkid must find nothing (2, and not "could
# not read"), and the first MiB must read as zeros.
make_filesystem_if_blank() {
  local device=$1 found=0
  blkid --probe "$device" >/dev/null || found=$?
  if ((found == 0)); then
    say "the volume has a filesystem: keeping it"
  elif ((found == 2)) && cmp --quiet --bytes=$((1024 * 1024)) "$device" /dev/zero; then
    say "the volume is blank: making a filesystem"
    mkfs.ext4 -q -L postgres "$device"
  else
    say "the volume is neither blank nor readable as a filesystem (blkid $found): leaving it alone"
    exit 1
  fi
}

# After a hard stop the journal is replayed by the mount; fsck repairs only what is safe without questions.
mount_volume() {
  local device=$1 checked=0
  mkdir -p "$MOUNT"
  mountpoint --quiet "$MOUNT" && return 0
  fsck -p "$device" || checked=$?
  if ((checked > 1)); then
    say "the filesystem needs a person (fsck $checked)"
    exit 1
  fi
  mount -o noatime "$device" "$MOUNT"
  # A volume that grew brings its filesystem along.
  resize2fs "$device" >/dev/null
  # Left by an instance that was not shut down in order, it names a process that is not of this boot.
  rm -f "$DATA/postmaster.pid"
}

# A restore from an archive: the controller names the incarnation whose archive it is. On a volume made from a snapshot
# its log goes on from there; an empty one gets the newest base first. Done once: a reboot later on is none of it.
replay_the_parents_archive() {
  local tags parent marker
  until tags=$(metadata tags/instance); do sleep "$POLL_SECONDS"; done
  [[ "$tags" == *fleet-reconciler:restore-from* ]] || return 0
  until parent=$(tag restore-from) && marker="$MOUNT/.replayed-as-$(tag incarnation)"; do
    sleep "$POLL_SECONDS"
  done
  [[ ! -e "$marker" ]] || return 0
  say "replaying the archive of incarnation $parent"
  if [[ ! -s "$DATA/PG_VERSION" ]]; then
    install -d -m 0700 -o postgres -g postgres "$DATA"
    with_archive "$parent" runuser -u postgres -- wal-g backup-fetch "$DATA" LATEST
  fi
  install -m 0600 -o postgres -g postgres /dev/null "$DATA/recovery.signal"
  touch "$marker"
}

# Runs a command of WAL-G on the archive of that incarnation.
with_archive() {
  local incarnation=$1 fleet slot
  shift
  fleet=$(tag fleet) && slot=$(tag slot) || return "$FAILED_TO_FETCH"
  env WALG_S3_PREFIX="$ARCHIVES/$fleet/$slot/$incarnation" WALG_PREVENT_WAL_OVERWRITE=true "$@"
}

# PostgreSQL's restore_command. WAL-G says 74 where the archive does not have the segment, which ends the replay; where
# it could not ask, PostgreSQL stops, is started again, and goes on from where it was.
fetch_segment() {
  local parent code=0
  parent=$(tag restore-from) || exit "$FAILED_TO_FETCH"
  with_archive "$parent" wal-g wal-fetch "$1" "$2" || code=$?
  case $code in
    0) exit 0 ;;
    74) exit "$END_OF_LOG" ;;
    *) exit "$FAILED_TO_FETCH" ;;
  esac
}

# PostgreSQL's archive_command. What this instance writes goes under its own incarnation, never into its parent's.
archive_segment() {
  local own
  own=$(tag incarnation)
  with_archive "$own" wal-g wal-push "$1"
}

archive_base() {
  local own
  own=$(tag incarnation)
  with_archive "$own" runuser -u postgres -- wal-g backup-push "$DATA"
}

make_database_if_none() {
  local initdb
  [[ -s "$DATA/PG_VERSION" ]] && return 0
  say "no database yet: making one"
  initdb=$(postgres_program initdb)
  install -d -m 0700 -o postgres -g postgres "$DATA"
  runuser -u postgres -- "$initdb" --pgdata="$DATA" --data-checksums \
    --auth-local=peer --auth-host=scram-sha-256
}

# Takes the place of this script. Who may connect is for pg_hba.conf to say, which lives with the data.
run_postgres() {
  local postgres archiving=()
  postgres=$(postgres_program postgres)
  [[ -z "$ARCHIVES" ]] || archiving=(
    -c archive_mode=on -c archive_timeout=60 -c "archive_command=$PROGRAM archive %p"
    -c "restore_command=$PROGRAM fetch %f %p"
  )
  exec setpriv --reuid=postgres --regid=postgres --init-groups \
    "$postgres" -D "$DATA" -c listen_addresses='*' "${archiving[@]}"
}

# Packages of Debian and of the PostgreSQL project keep their programs off the path.
postgres_program() {
  local candidate
  for candidate in "$(command -v "$1" || true)" /usr/lib/postgresql/*/bin/"$1" /usr/pgsql-*/bin/"$1"; do
    [[ -x "$candidate" ]] && echo "$candidate" && return 0
  done
  say "no $1 in this image" >&2
  return 1
}

main "$@"
