"""Run by the peers' Python: print the policy rules of openstack-placement as JSON."""

import json
import sys

from placement import policies

sys.stdout.write(
    json.dumps(
        {
            rule.name: {
                "check": rule.check_str,
                "scopes": rule.scope_types or [],
                "operations": [
                    f"{each['method']} {each['path']}" for each in getattr(rule, "operations", [])
                ],
                "deprecated": rule.deprecated_rule
                and [rule.deprecated_rule.name, rule.deprecated_rule.check_str],
            }
            for rule in policies.list_rules()
        }
    )
)
