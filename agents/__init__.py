"""The live engine's room.

Empty until the pipeline runs on Kafka: here will be the Faust app, the exactly-once runner, the
clock and the gateways to the outside, one short file per agent and no business rule. Today the
history engine in `replay/` runs the same decisions.
"""
