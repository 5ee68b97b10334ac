# Sourced by ./dev: installs what a fresh Debian 12 lacks. A second run finds everything there and
# takes a moment. Needs root or sudo only when a Debian package is missing.

DEBIAN_BUILD=(
  ca-certificates build-essential cmake ninja-build pkg-config git ccache mold
  libgrpc++-dev protobuf-compiler-grpc protobuf-compiler libprotobuf-dev prometheus-cpp-dev
  libboost1.81-dev libyaml-cpp-dev libleveldb-dev libre2-dev libxxhash-dev libzstd-dev liblz4-dev
  libsnappy-dev zlib1g-dev libgtest-dev libgmock-dev libbenchmark-dev python3-dev python3-venv
  clang-19 clang-tidy-19 clang-format-19 curl procps
)
DEBIAN_TEST=(prometheus prometheus-alertmanager)
DEBIAN_BROWSER=(chromium chromium-driver fonts-dejavu-core)

as_root() {
  if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi
}

# Installs the missing ones of the named packages, without recommends and without starting services.
install_debian() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  echo "installing Debian packages: ${missing[*]}"
  as_root apt-get update -qq
  # policy-rc.d is Debian's own way to say that no service is to be started by its package.
  local policy=/usr/sbin/policy-rc.d had_policy=0
  [[ -e $policy ]] && had_policy=1
  if [[ $had_policy == 0 ]]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
    as_root chmod +x $policy
  fi
  local failed=0
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
    >build/apt.log 2>&1 || failed=1
  [[ $had_policy == 1 ]] || as_root rm -f $policy
  if [[ $failed == 1 ]]; then
    cat build/apt.log
    return 1
  fi
  for package in "${missing[@]}"; do
    case $package in
      prometheus | prometheus-alertmanager)
        as_root rm -f "/etc/systemd/system/multi-user.target.wants/$package.service"
        ;;
    esac
  done
}

setup_venv() {
  local stamp
  stamp=$(sha256sum <tests/requirements.txt)
  [[ "$(cat .venv/tocsin.stamp 2>/dev/null)" != "$stamp" ]] || return 0
  echo "installing Python packages into .venv"
  # Debian's own interpreter: its headers are the ones that python3-dev installed.
  [[ -x .venv/bin/python ]] || /usr/bin/python3 -m venv .venv
  .venv/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
  echo "$stamp" >.venv/tocsin.stamp
}

# The OpenTelemetry exporters of other languages, for the tests. Each is installed once per version
# of its manifest into build/clients/.
setup_clients() {
  local clients=tests/integration/clients
  [[ -d $clients ]] || return 0
  command -v node >/dev/null && command -v npm >/dev/null || install_debian nodejs npm
  command -v javac >/dev/null && command -v mvn >/dev/null || install_debian default-jdk-headless maven
  mkdir -p build/clients
  local language stamp
  for language in node java go; do
    [[ -x $clients/$language/install ]] || continue
    stamp=$(cat "$clients/$language"/* | sha256sum)
    [[ "$(cat build/clients/$language.stamp 2>/dev/null)" != "$stamp" ]] || continue
    echo "installing the $language exporters"
    "$clients/$language/install" "$PWD/build/clients/$language"
    echo "$stamp" >"build/clients/$language.stamp"
  done
}

setup_build() {
  mkdir -p build
  install_debian "${DEBIAN_BUILD[@]}"
  setup_venv
}

setup_all() {
  setup_build
  install_debian "${DEBIAN_TEST[@]}"
  setup_clients
  # Without a browser the tests of the pages say so and are skipped.
  install_debian "${DEBIAN_BROWSER[@]}" || echo "no browser: the pages are not tested"
}
