"""Reads YAML documents from standard input; `json` prints them as one JSON array, `validate VERSION` holds each against
the schema of that Kubernetes version, in which no unknown field is allowed, and prints what is wrong."""

import json
import sys

import kubernetes_validate
import yaml

documents = [document for document in yaml.safe_load_all(sys.stdin) if document is not None]
match sys.argv[1:]:
    case ["json"]:
        json.dump(documents, sys.stdout)
    case ["validate", version]:
        failed = False
        for document in documents:
            name = f"{document['kind']} {document['metadata']['name']}"
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
                failed = True
                path = ".".join(str(part) for part in getattr(error, "path", ()))
                print(f"{name}: {path}: {error.message}")
        sys.exit(failed)
    case other:
        sys.exit(f"json, or validate VERSION, and not {other}")
