"""Declarations for the end-to-end stories: short times, so that a story is told in seconds."""

WEB = """
apiVersion: reconciler/v1
kind: Fleet
metadata: {name: web}
spec:
  tier: 2
  replicas: 3
  placement: {account: "{account}", region: us-east-1, zones: [{zones}]}
  instance:
    image: {image}
    types: [m5.large]
    subnets: {{subnets}}
    securityGroups: [{group}]
    tags: {team: web}
  health: {startupGrace: 1s, unhealthyAfter: 1s, recoverAfter: 1s}
  repair: {ladder: [replace]}
"""

DATABASE = """
apiVersion: reconciler/v1
kind: Fleet
metadata: {name: db}
spec:
  tier: 0
  replicas: 2
  mode: auto
  placement: {account: "{account}", region: us-east-1, zones: [{zones}]}
  instance:
    image: {image}
    types: [m5.large]
    subnets: {{subnets}}
    securityGroups: [{group}]
    tags: {team: data}
  volumes:
    - {name: data, device: /dev/sdf, size: 8GiB, type: gp3, backup: none}
  health: {startupGrace: 1s, unhealthyAfter: 1s, recoverAfter: 1s}
  repair: {ladder: [replace]}
"""

QUICK = "pace: {launches: {least: 60}, restores: {least: 30}, disruptive: {least: 6}}"
"""Of a policy, where a story repairs what has been in service for seconds."""

QUICK_POLICY = f"""
apiVersion: reconciler/v1
kind: SafetyPolicy
metadata: {{name: quick}}
spec: {{{QUICK}}}
"""
