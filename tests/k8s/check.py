"""Checks what the overlays of k8s/ render to.

Four things, for every overlay: it renders; each object fits the Kubernetes
schema, with no field too many; each object keeps the rules below; and the
network policies of all overlays together open exactly the arrows of
`arrows.txt` (SAMSPOR_OPPDATER=1 writes it anew). Then the checks themselves
are checked: each of SABOTAGES breaks one object, and must be found.

Needs PyYAML, kubernetes-validate, and a kubectl in $KUBECTL or on the path.
"""

import copy
import os
import pathlib
import subprocess
import sys

import kubernetes_validate
import yaml

HERE = pathlib.Path(__file__).parent
OVERLAYS = sorted((HERE.parent.parent / "k8s" / "overlays").iterdir())
KUBERNETES = "1.34"


def render(overlay):
    kubectl = os.environ.get("KUBECTL", "kubectl")
    run = subprocess.run(
        [kubectl, "kustomize", str(overlay)], capture_output=True, text=True
    )
    if run.returncode != 0 or run.stderr:
        sys.exit(f"{overlay.name}: {run.stderr}")
    return list(yaml.safe_load_all(run.stdout))


def schema_faults(doc):
    try:
        kubernetes_validate.validate(doc, KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as fault:
        yield f"schema: {'.'.join(map(str, fault.path))}: {fault.message}"
    except kubernetes_validate.SchemaNotFoundError:
        yield "schema: no such kind of object"


def rule_faults(docs):
    """Rules for one overlay, as sentences about what breaks them."""
    kinds = {}
    for doc in docs:
        kinds.setdefault(doc["kind"], []).append(doc)
        if doc["kind"] == "Secret":
            yield "a Secret stands in the repository"
        if doc["kind"] in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"):
            yield "something gets a right in the Kubernetes API"
    for kind in ("Namespace", "PodDisruptionBudget", "ServiceAccount", "Deployment"):
        if kind not in kinds:
            yield f"no {kind}"
    for namespace in kinds.get("Namespace", []):
        level = namespace["metadata"]["labels"].get("pod-security.kubernetes.io/enforce")
        if level != "restricted":
            yield f"namespace enforces {level}"
    for account in kinds.get("ServiceAccount", []):
        if account.get("automountServiceAccountToken") is not False:
            yield "service account mounts its token"
    closed = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    if closed not in [policy["spec"] for policy in kinds.get("NetworkPolicy", [])]:
        yield "no policy that closes everything"
    for deployment in kinds.get("Deployment", []):
        yield from pod_faults(deployment, kinds)


def pod_faults(deployment, kinds):
    pod = deployment["spec"]["template"]["spec"]
    if deployment["spec"]["replicas"] < 2:
        yield "fewer than two replicas"
    if pod.get("automountServiceAccountToken") is not False:
        yield "pod mounts a token"
    if pod.get("enableServiceLinks") is not False:
        yield "services of the namespace become variables SAMSPOR_…"
    security = pod.get("securityContext", {})
    if not security.get("runAsNonRoot") or security.get("runAsUser", 0) < 10000:
        yield "pod may run as root"
    if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "no seccomp profile"
    if not pod.get("topologySpreadConstraints"):
        yield "replicas may share a node without reason"
    for volume in pod.get("volumes", []):
        if not {"configMap", "secret"} & volume.keys():
            yield f"volume {volume['name']} is neither configuration nor secret"
        # Renamed by its content, so that a change of it rolls the pods.
        name = volume.get("configMap", {}).get("name")
        if name and name not in [c["metadata"]["name"] for c in kinds.get("ConfigMap", [])]:
            yield f"no ConfigMap {name}"
    for container in pod.get("initContainers", []) + pod["containers"]:
        security = container.get("securityContext", {})
        if not security.get("readOnlyRootFilesystem"):
            yield "root file system can be written"
        if security.get("allowPrivilegeEscalation") is not False:
            yield "privileges may grow"
        if security.get("capabilities") != {"drop": ["ALL"]}:
            yield "capabilities are kept"
        tag = container["image"].rpartition(":")[2]
        if ":" not in container["image"] or tag == "latest":
            yield f"image {container['image']} is not pinned"
        resources = container.get("resources", {})
        if not {"cpu", "memory"} <= resources.get("requests", {}).keys():
            yield "no resource requests"
        if "memory" not in resources.get("limits", {}):
            yield "no memory limit"
        for variable in container.get("env", []):
            if "valueFrom" in variable:
                yield f"{variable['name']} may put a secret into the environment"
    for container in pod["containers"]:
        for probe in ("startupProbe", "readinessProbe"):
            if container.get(probe, {}).get("grpc", {}).get("port") != 7071:
                yield f"{probe} does not ask the health port"
        # Not readiness again: a database that is away would restart the pod.
        if container.get("livenessProbe", {}).get("tcpSocket", {}).get("port") != "helse":
            yield "livenessProbe asks more than whether the process is alive"


# --- which pod reaches which port


def matches(selector, labels):
    if selector.keys() - {"matchLabels"}:
        sys.exit(f"a selector that this check does not know: {selector}")
    wanted = selector.get("matchLabels", {})
    return all(labels.get(key) == value for key, value in wanted.items())


def opens(policy, direction, namespace, pod, peer, port):
    """Whether a policy of `namespace` that picks `pod` lets `peer` through."""
    peers_key, rules = ("from", "ingress") if direction == "Ingress" else ("to", "egress")
    for rule in policy["spec"].get(rules, []):
        ports = [entry["port"] for entry in rule.get("ports", [])]
        if ports and port not in ports:
            continue
        if peers_key not in rule:
            return True
        for end in rule[peers_key]:
            if end.keys() - {"namespaceSelector", "podSelector"}:
                sys.exit(f"a peer that this check does not know: {end}")
            here = (
                matches(end["namespaceSelector"], peer["namespace_labels"])
                if "namespaceSelector" in end
                else peer["namespace"] == namespace
            )
            if here and matches(end.get("podSelector", {}), peer["labels"]):
                return True
    return False


def allowed(policies, direction, pod, peer, port):
    picking = [
        policy
        for policy in policies.get(pod["namespace"], [])
        if direction in policy["spec"]["policyTypes"]
        and matches(policy["spec"]["podSelector"], pod["labels"])
    ]
    if not picking:
        return True
    return any(opens(p, direction, pod["namespace"], pod, peer, port) for p in picking)


def arrows(rendered):
    """Every arrow between the pods of the mesh, and some around it."""
    policies, pods = {}, []

    def add(name, namespace, labels, namespace_labels=None):
        namespace_labels = {"kubernetes.io/metadata.name": namespace} | (namespace_labels or {})
        pods.append(
            {"name": name, "namespace": namespace, "labels": labels}
            | {"namespace_labels": namespace_labels}
        )

    for overlay, docs in rendered.items():
        (space,) = [d["metadata"] for d in docs if d["kind"] == "Namespace"]
        for doc in docs:
            if doc["kind"] == "NetworkPolicy":
                policies.setdefault(space["name"], []).append(doc)
            if doc["kind"] == "Deployment":
                labels = doc["spec"]["template"]["metadata"]["labels"]
                add(overlay, space["name"], labels, space["labels"])
        add(f"{overlay}-db", space["name"], {"samspor/kjorer": "database"}, space["labels"])
        add(f"{overlay}-other", space["name"], {}, space["labels"])
    add("dns", "kube-system", {"k8s-app": "kube-dns"})
    add("collector", "telemetri", {})
    add("ingress", "inngang", {}, {"samspor/inngang": "ja"})
    add("stranger", "annet", {"samspor/kjorer": "samspor"})

    found = []
    for source in pods:
        for target in pods:
            if source is target or not {source["namespace"], target["namespace"]} & policies.keys():
                continue
            ports = [
                str(port)
                for port in (53, 443, 4317, 5432, 7070, 7071)
                if allowed(policies, "Egress", source, target, port)
                and allowed(policies, "Ingress", target, source, port)
            ]
            if ports:
                found.append(f"{source['name']:<24} -> {target['name']:<24} {' '.join(ports)}")
    return sorted(found)


# --- the checks checked


def edit(kind, change, name=None):
    def sabotage(docs):
        for doc in docs:
            if doc["kind"] == kind and name in (None, doc["metadata"]["name"]):
                change(doc)
                return
        sys.exit(f"sabotage finds no {kind} {name or ''}")

    return sabotage


def pod_of(doc):
    return doc["spec"]["template"]["spec"]


SABOTAGES = {
    "a replica count that is text": edit("Deployment", lambda d: d["spec"].update(replicas="2")),
    "a field that does not exist": edit("Deployment", lambda d: pod_of(d).update(restartPolice="x")),
    "a port out of the schema": edit("Service", lambda d: d["spec"].update(ports="7070")),
    "an unknown kind of policy": edit("NetworkPolicy", lambda d: d.update(kind="NetworkPolise")),
    "a writable root": edit(
        "Deployment",
        lambda d: pod_of(d)["containers"][0]["securityContext"].pop("readOnlyRootFilesystem"),
    ),
    "a pod as root": edit("Deployment", lambda d: pod_of(d)["securityContext"].update(runAsUser=0)),
    "an image without a tag": edit(
        "Deployment", lambda d: pod_of(d)["containers"][0].update(image="samspor")
    ),
    "a secret in the environment": edit(
        "Deployment",
        lambda d: pod_of(d)["containers"][0]["env"].append(
            {"name": "X", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}}
        ),
    ),
    "a probe on the open port": edit(
        "Deployment", lambda d: pod_of(d)["containers"][0]["readinessProbe"]["grpc"].update(port=7070)
    ),
    "an open namespace": edit(
        "NetworkPolicy", lambda d: d["spec"]["policyTypes"].remove("Egress"), "steng-alt"
    ),
}


def faults(overlay, docs):
    found = [
        f"{overlay}: {doc['kind']} {doc['metadata']['name']}: {fault}"
        for doc in docs
        for fault in schema_faults(doc)
    ]
    # The rules may rely on the schema.
    return found or [f"{overlay}: {fault}" for fault in rule_faults(docs)]


def main():
    rendered = {overlay.name: render(overlay) for overlay in OVERLAYS}
    found = [fault for overlay, docs in rendered.items() for fault in faults(overlay, docs)]

    golden = HERE / "arrows.txt"
    text = "\n".join(arrows(rendered)) + "\n"
    if os.environ.get("SAMSPOR_OPPDATER"):
        golden.write_text(text)
    wanted, got = golden.read_text().splitlines(), text.splitlines()
    found += [f"the network lacks {line}" for line in wanted if line not in got]
    found += [f"the network opens {line}" for line in got if line not in wanted]

    missed = 0
    for name, sabotage in SABOTAGES.items():
        for overlay, docs in rendered.items():
            broken = copy.deepcopy(docs)
            sabotage(broken)
            if not set(faults(overlay, broken)) - set(found):
                found.append(f"the check misses {name} in {overlay}")
                missed += 1

    for fault in found:
        print(fault)
    objects = sum(map(len, rendered.values()))
    print(
        f"{len(rendered)} overlays, {objects} objects, {len(got)} arrows, "
        f"{len(SABOTAGES) * len(rendered) - missed} sabotages seen: {len(found)} faults"
    )
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
