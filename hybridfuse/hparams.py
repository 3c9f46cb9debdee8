"""What TensorBoard's HPARAMS tab reads of a run. Free of torch, so that a sweep's own process need not load it."""

# pyright: reportAttributeAccessIssue=false, reportUnknownVariableType=false
# The classes of messages are made when they are imported.

import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo
from tensorboard.summary.writer.event_file_writer import EventFileWriter

METRICS = ("accuracy", "f1", "rmse", "mae", "r2")

Choices = Mapping[str, str | float]


def columns(chosen: Choices) -> Summary:
    """The columns of all runs: their choices, of these names and types, and the test metrics."""
    infos = [
        api_pb2.HParamInfo(name=name, type=f"DATA_TYPE_{'STRING' if isinstance(value, str) else 'FLOAT64'}")
        for name, value in chosen.items()
    ]
    metrics = [api_pb2.MetricInfo(name=api_pb2.MetricName(tag=f"test/{name}")) for name in METRICS]
    experiment = api_pb2.Experiment(hparam_infos=infos, metric_infos=metrics)
    return _summary(metadata.EXPERIMENT_TAG, HParamsPluginData(experiment=experiment))


def begun(chosen: Choices) -> Summary:
    """A run and its choices."""
    session = SessionStartInfo()
    for name, value in chosen.items():
        if isinstance(value, str):
            session.hparams[name].string_value = value
        else:
            session.hparams[name].number_value = value
    return _summary(metadata.SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=session))


def ended() -> Summary:
    """The end of a run that is done."""
    session = SessionEndInfo(status="STATUS_SUCCESS")
    return _summary(metadata.SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=session))


def mean(tag: str, value: float) -> Summary:
    """A metric of an entry that has no curves."""
    return Summary(value=[Summary.Value(tag=tag, simple_value=value)])


def write(folder: Path, summaries: Iterable[Summary]) -> None:
    """Makes an event file of summaries.

    Raises:
        OSError: if it cannot be written.
    """
    with closing(EventFileWriter(str(folder), max_queue_size=100, flush_secs=3600)) as writer:
        for summary in summaries:
            writer.add_event(Event(summary=summary, wall_time=time.time(), step=0))
        writer.flush()  # which tells what could not be written


def _summary(tag: str, content: HParamsPluginData) -> Summary:
    content.version = metadata.PLUGIN_DATA_VERSION
    data = SummaryMetadata.PluginData(plugin_name=metadata.PLUGIN_NAME, content=content.SerializeToString())
    return Summary(value=[Summary.Value(tag=tag, metadata=SummaryMetadata(plugin_data=data))])
