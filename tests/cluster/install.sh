#!/bin/sh
# Install Slurm and munge for tests/cluster where that is possible, else say why not; never a failure, as the tests
# of a real Slurm are skipped with a reason where it cannot start.
set -u
if command -v slurmctld >/dev/null && command -v slurmd >/dev/null && command -v munged >/dev/null; then
  echo "Slurm and munge are here already."
elif ! command -v apt-get >/dev/null; then
  echo "Slurm was not installed: this machine has no apt-get."
elif [ "$(id -u)" -ne 0 ]; then
  echo "Slurm was not installed: this is not root (as root: apt-get install --no-install-recommends slurm-wlm munge)."
elif apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends slurm-wlm munge
then
  echo "Installed Slurm and munge."
else
  echo "Slurm was not installed: apt-get failed, see above."
fi
