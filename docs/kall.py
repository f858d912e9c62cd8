"""Calls the mesh from Python, straight from the contracts.

    pip install grpcio grpcio-tools
    python docs/kall.py 127.0.0.1:7070 "$(cat TOKEN)" YTELSE \
        samspor.rop.v1.RisikovurderingService/HentGjeldendeRisikovurdering \
        '{"parent": "personer/0b8e…"}'

Run it in the root of the repository: the contracts are compiled as they are.
"""

import pathlib
import sys

import grpc
from google.protobuf import json_format

PROTO = pathlib.Path("proto")


def contracts(package):
    """The messages and services of a package, compiled now."""
    for file in (PROTO / package.replace(".", "/")).glob("*.proto"):
        yield grpc.protos_and_services(str(file.relative_to(PROTO)))


def main(address, token, purpose, method, body):
    package, _, name = method.rpartition("/")[0].rpartition(".")
    verb = method.rpartition("/")[2]
    for messages, services in contracts(package):
        if stub := getattr(services, f"{name}Stub", None):
            break
    else:
        sys.exit(f"no service {package}.{name} in {PROTO}")
    try:
        request = json_format.Parse(body, getattr(messages, f"{verb}Request")())
    except json_format.ParseError as fault:
        sys.exit(str(fault))
    headers = [("authorization", f"Bearer {token}"), ("x-samspor-formaal", purpose)]
    with grpc.insecure_channel(address) as channel:
        try:
            answer, call = getattr(stub(channel), verb).with_call(request, metadata=headers)
            print(json_format.MessageToJson(answer, ensure_ascii=False))
        except grpc.RpcError as refused:
            call = refused
            print(refused.code().name, refused.details(), file=sys.stderr)
    for key, value in [*call.initial_metadata(), *call.trailing_metadata()]:
        if key == "x-samspor-trace-id":
            print("trace", value, file=sys.stderr)


if __name__ == "__main__":
    sys.path.insert(0, str(PROTO))
    main(*sys.argv[1:])
