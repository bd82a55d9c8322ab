"""The simulated WeCom: callbacks, REST, group robots and the aibot's WebSocket, as the real ones."""
