#!/usr/bin/env bash
# A Kubernetes of one real node on this machine: etcd, kube-apiserver, controller manager, scheduler, containerd, kubelet
# and kube-proxy, in a network namespace of its own. It needs root on Linux with cgroups; what it gets from Debian's
# packages it installs.
#
#   node.sh start DATA ASSETS   starts it; returns when the node is ready. DATA/kubeconfig is the administrator's
#   node.sh stop DATA           ends it, and removes all but the logs
#   node.sh enter COMMAND...    runs a command where the node's addresses can be reached
#
# There is no DNS: pods are given addresses (hostAliases).
set -euo pipefail

netns=taskrun-e2e
node_ip=10.123.0.1 service_cidr=10.96.0.0/16 api_service_ip=10.96.0.1 pod_cidr=10.244.0.0/24

say() { printf '%s %s\n' "$(date +%T)" "$*" >&2; }
enter() { nsenter --net="/run/netns/$netns" "$@"; }

packages() {
  local missing=()
  command -v containerd > /dev/null || missing+=(containerd)
  command -v runc > /dev/null || missing+=(runc)
  command -v iptables > /dev/null || missing+=(iptables)
  command -v conntrack > /dev/null || missing+=(conntrack)
  command -v ip > /dev/null || missing+=(iproute2)
  command -v openssl > /dev/null || missing+=(openssl)
  [ -x /usr/lib/cni/bridge ] || missing+=(containernetworking-plugins)
  [ ${#missing[@]} -eq 0 ] && return
  say "installing ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
}

network() {
  ip netns add "$netns"
  enter ip link set lo up
  enter sysctl -qw net.ipv4.ip_forward=1
  enter sysctl -qw net.bridge.bridge-nf-call-iptables=1 2> /dev/null || true
  # The node's address, and a place that the service range is routed to: kube-proxy catches what goes there.
  enter ip link add node0 type bridge
  enter ip addr add "$node_ip/24" dev node0
  enter ip link set node0 up
  enter ip link add services0 type bridge
  enter ip link set services0 up
  enter ip route add "$service_cidr" dev services0 src "$node_ip"
}

# certify NAME CA SUBJECT USAGE [SANS]: a key and a certificate of the CA.
certify() {
  local name=$1 ca=$2 subject=$3 usage=$4 sans=${5:-}
  openssl ecparam -name prime256v1 -genkey -noout -out "$pki/$name.key"
  openssl req -new -key "$pki/$name.key" -subj "$subject" -out "$pki/$name.csr"
  openssl x509 -req -in "$pki/$name.csr" -CA "$pki/$ca.crt" -CAkey "$pki/$ca.key" -CAcreateserial -days 30 -out "$pki/$name.crt" \
    -extfile <(printf 'extendedKeyUsage=%s\n%s' "$usage" "${sans:+subjectAltName=$sans}") 2> /dev/null
}

authority() {
  openssl ecparam -name prime256v1 -genkey -noout -out "$pki/$1.key"
  openssl req -x509 -new -key "$pki/$1.key" -subj "/CN=$1" -days 30 -out "$pki/$1.crt"
}

certificates() {
  mkdir -p "$pki"
  authority ca
  authority front-proxy-ca
  certify apiserver ca /CN=kube-apiserver serverAuth,clientAuth \
    "DNS:kubernetes.default.svc,DNS:kubernetes.default,DNS:localhost,IP:$node_ip,IP:$api_service_ip,IP:127.0.0.1"
  certify kubelet ca "/O=system:nodes/CN=system:node:node" serverAuth,clientAuth "DNS:node,IP:$node_ip"
  certify apiserver-kubelet ca "/O=system:masters/CN=kube-apiserver-kubelet-client" clientAuth
  certify front-proxy-client front-proxy-ca /CN=front-proxy-client clientAuth
  for who in "admin:/O=system:masters/CN=admin" "controller-manager:/CN=system:kube-controller-manager" \
    "scheduler:/CN=system:kube-scheduler" "proxy:/CN=system:kube-proxy" "kubelet-client:/O=system:nodes/CN=system:node:node"; do
    certify "${who%%:*}" ca "${who#*:}" clientAuth
    kubeconfig "${who%%:*}"
  done
  openssl genrsa -out "$pki/sa.key" 2048 2> /dev/null
  cp "$data/admin.kubeconfig" "$data/kubeconfig"
}

kubeconfig() {
  cat > "$data/$1.kubeconfig" << END
apiVersion: v1
kind: Config
current-context: node
contexts: [{name: node, context: {cluster: node, user: $1}}]
clusters: [{name: node, cluster: {server: "https://$node_ip:6443", certificate-authority: $pki/ca.crt}}]
users: [{name: $1, user: {client-certificate: $pki/$1.crt, client-key: $pki/$1.key}}]
END
}

# run NAME COMMAND...: a process of the cluster, in the namespace, with a log and a file with its id.
run() {
  local name=$1
  shift
  (exec nsenter --net="/run/netns/$netns" setsid "$@") > "$data/log/$name.log" 2>&1 < /dev/null &
  echo $! > "$data/pid/$name"
}

# await WHAT SECONDS COMMAND...: until the command succeeds.
await() {
  local what=$1 until=$((SECONDS + $2))
  shift 2
  until "$@" > /dev/null 2>&1; do
    if [ "$SECONDS" -ge "$until" ]; then
      say "$what: timed out; the ends of the logs:"
      tail -n 15 "$data"/log/*.log >&2
      exit 1
    fi
    sleep 0.3
  done
  say "$what"
}

kubectl() { enter "$assets/kubectl" --kubeconfig "$data/kubeconfig" "$@"; }

control_plane() {
  run etcd "$assets/etcd" --data-dir "$data/etcd" --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --log-level warn
  run apiserver "$assets/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 --bind-address="$node_ip" --advertise-address="$node_ip" --secure-port=6443 \
    --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" --client-ca-file="$pki/ca.crt" \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$pki/sa.key" --service-account-signing-key-file="$pki/sa.key" \
    --service-cluster-ip-range="$service_cidr" --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=false \
    --kubelet-client-certificate="$pki/apiserver-kubelet.crt" --kubelet-client-key="$pki/apiserver-kubelet.key" \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --requestheader-client-ca-file="$pki/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy-client \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group --requestheader-extra-headers-prefix=X-Remote-Extra- \
    --proxy-client-cert-file="$pki/front-proxy-client.crt" --proxy-client-key-file="$pki/front-proxy-client.key" --enable-aggregator-routing=true
  await "kube-apiserver is ready" 120 kubectl get --raw /readyz
  run controller-manager "$assets/kube-controller-manager" --kubeconfig="$data/controller-manager.kubeconfig" --use-service-account-credentials \
    --service-account-private-key-file="$pki/sa.key" --root-ca-file="$pki/ca.crt" --leader-elect=false --bind-address=127.0.0.1 \
    --cluster-cidr="$pod_cidr" --node-monitor-grace-period=60s
  run scheduler "$assets/kube-scheduler" --kubeconfig="$data/scheduler.kubeconfig" --leader-elect=false --bind-address=127.0.0.1
}

node() {
  mkdir -p "$data/cni" "$data/kubelet"
  cat > "$data/cni/10-bridge.conflist" << END
{"cniVersion": "1.0.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true, "ipMasq": false,
   "ipam": {"type": "host-local", "dataDir": "$data/cni-addresses", "ranges": [[{"subnet": "$pod_cidr"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
END
  cat > "$data/containerd.toml" << END
version = 2
root = "$data/containerd"
state = "$run/state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]
[grpc]
address = "$run/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "pause:e2e"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "$(snapshotter)"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "$data/cni"
END
  run containerd containerd --config "$data/containerd.toml"
  await "containerd is ready" 30 ctr --address "$run/containerd.sock" version
  cat > "$data/kubelet.yaml" << END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $node_ip
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $pki/kubelet.crt
tlsPrivateKeyFile: $pki/kubelet.key
containerRuntimeEndpoint: unix://$run/containerd.sock
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
cgroupsPerQOS: true
enforceNodeAllocatable: []
oomScoreAdj: 0
localStorageCapacityIsolation: false
evictionHard: {memory.available: "1Mi", nodefs.available: "1%", imagefs.available: "1%"}
podCIDR: $pod_cidr
registerNode: true
END
  run kubelet "$assets/kubelet" --config="$data/kubelet.yaml" --kubeconfig="$data/kubelet-client.kubeconfig" --root-dir="$data/kubelet" \
    --hostname-override=node --node-ip="$node_ip" --cert-dir="$data/kubelet-pki"
  cat > "$data/kube-proxy.yaml" << END
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: $data/proxy.kubeconfig}
mode: iptables
clusterCIDR: $pod_cidr
hostnameOverride: node
nodeIP: {}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
END
  sed -i '/^nodeIP/d' "$data/kube-proxy.yaml"
  run kube-proxy "$assets/kube-proxy" --config="$data/kube-proxy.yaml"
}

# overlayfs cannot lie on overlayfs.
snapshotter() {
  mkdir -p "$data/try/lower" "$data/try/upper" "$data/try/work" "$data/try/merged"
  if mount -t overlay overlay -o "lowerdir=$data/try/lower,upperdir=$data/try/upper,workdir=$data/try/work" "$data/try/merged" 2> /dev/null; then
    umount "$data/try/merged"
    echo overlayfs
  else
    echo native
  fi
}

ready() { [ "$(kubectl get node node -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ]; }

start() {
  data=$(realpath -m "$1") assets=$(realpath "$2")
  pki=$data/pki run=/run/$netns
  [ "$(id -u)" -eq 0 ] || { echo "a node needs root" >&2; exit 1; }
  packages
  stop "$data"
  mkdir -p "$data/log" "$data/pid" "$run"
  network
  certificates
  control_plane
  node
  await "the node is ready" 120 ready
}

# end PATTERN-FREE: only processes that were started here, by their ids, and what containerd left.
stop() {
  data=$(realpath -m "$1") run=/run/$netns
  local name
  for name in kubelet kube-proxy scheduler controller-manager; do end "$name"; done
  if [ -S "$run/containerd.sock" ]; then
    ctr --address "$run/containerd.sock" -n k8s.io tasks ls -q 2> /dev/null |
      xargs -r -n 1 ctr --address "$run/containerd.sock" -n k8s.io tasks kill --signal KILL > /dev/null 2>&1 || true
  fi
  for name in containerd apiserver etcd; do end "$name"; done
  # Shims outlive containerd; they name its socket on their command lines.
  for pid in $(grep -lsF "$run/containerd.sock" /proc/[0-9]*/cmdline | cut -d/ -f3); do
    [ "$pid" = $$ ] || kill -9 "$pid" 2> /dev/null || true
  done
  { grep -oE " ($data|$run)/[^ ]*" /proc/mounts || true; } | sort -r | while read -r mount; do umount -l "$mount" 2> /dev/null || true; done
  ip netns del "$netns" 2> /dev/null || true
  find "$data" -mindepth 1 -maxdepth 1 ! -name log -exec rm -rf {} + 2> /dev/null || true
  rm -rf "$run"
}

end() {
  local file=$data/pid/$1 pid
  [ -f "$file" ] || return 0
  pid=$(cat "$file")
  if kill "$pid" 2> /dev/null; then
    for _ in $(seq 50); do
      kill -0 "$pid" 2> /dev/null || break
      sleep 0.1
    done
    kill -9 "$pid" 2> /dev/null || true
  fi
  rm -f "$file"
}

command=$1
shift
case $command in
  start | stop | enter) "$command" "$@" ;;
  *) echo "usage: node.sh start|stop|enter" >&2; exit 2 ;;
esac
