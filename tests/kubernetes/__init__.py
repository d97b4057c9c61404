"""A cluster of one node for the tests.

No API server and no kubelet of Kubernetes were to be had where these tests are made. So this is one of the
tests' own: its API server checks all that it is sent against Kubernetes' published OpenAPI, field by field
(`checks`), and answers over TLS whom a role lets (`api_server`); objects are kept and deleted as Kubernetes
says (`objects`); a controller makes pods of Jobs (`controller`); a kubelet really runs their containers, each
in a PID namespace of its own with its volumes mounted (`kubelet`). It knows what Runyard needs of each and
refuses the rest.
"""
