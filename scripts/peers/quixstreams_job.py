"""The job on quixstreams, exactly once: quixstreams_job.py BROKER IN OUT GROUP FOLDER."""

import sys
from typing import Any

from quixstreams import Application  # type: ignore[import-not-found]  # has an environment of its own

broker, topic_in, topic_out, group, folder = sys.argv[1:]
app = Application(
    broker_address=broker,
    consumer_group=group,
    auto_offset_reset="earliest",
    processing_guarantee="exactly-once",
    commit_interval=0.1,
    commit_every=1000,
    state_dir=folder,
    loglevel="WARNING",
)


def fold(event: dict[str, Any], state: Any) -> dict[str, Any]:  # noqa: ANN401 - no types here
    """Fold an event into its key's state."""
    count, total = state.get("fold", (0, 0))
    count, total = count + 1, total + event["v"]
    state.set("fold", (count, total))
    return {"id": event["id"], "v": event["v"], "n": count, "sum": total}


source = app.topic(topic_in, value_deserializer="json")
sink = app.topic(topic_out, value_serializer="json")
app.dataframe(source).apply(fold, stateful=True).to_topic(sink)
app.run()
