"""The REST side against public/openapi.json, which the server itself serves. Run by
scripts/test.sh --api, with the schemathesis of requirements.txt and the servers of the
integration tests."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "integration"))
