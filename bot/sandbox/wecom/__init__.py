"""The simulated WeCom: callbacks, REST calls, group robots and the aibot's WebSocket."""
