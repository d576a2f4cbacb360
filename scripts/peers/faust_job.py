"""The job as a Faust agent with a table: faust_job.py BROKER IN OUT GROUP FOLDER."""

import sys
from typing import Any

import faust

broker, topic_in, topic_out, group, folder = sys.argv[1:]
app = faust.App(
    group,
    broker=f"kafka://{broker}",
    store="memory://",
    datadir=folder,
    topic_partitions=4,
    web_enabled=False,
    autodiscover=False,
)
source = app.topic(topic_in, value_serializer="json")
sink = app.topic(topic_out, value_serializer="json")
folds = app.Table("folds", default=lambda: [0, 0], partitions=4)


@app.agent(source)
async def fold(events: Any) -> None:  # noqa: ANN401 - a stream of any JSON
    """Fold each event into its key's state."""
    async for key, event in events.items():
        count, total = folds[key]
        count, total = count + 1, total + event["v"]
        folds[key] = [count, total]
        answer = {"id": event["id"], "v": event["v"], "n": count, "sum": total}
        await sink.send(key=key, value=answer)  # type: ignore[unused-awaitable]  # of the broker's answer: as in Faust's own examples


if __name__ == "__main__":
    faust.Worker(app, loglevel="WARN", quiet=True).execute_from_commandline()
