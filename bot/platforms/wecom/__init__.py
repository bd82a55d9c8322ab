"""WeCom: callbacks and the bot's socket in; four channels out.

May import ``bot.chat`` and ``crm.kernel`` only. In: ``callback`` (the application's HTTP callback)
with ``crypto`` and ``markup`` · ``aibot`` (the bot's one WebSocket) with ``frames`` · ``parse``
(their XML and JSON → Ask) · ``hearing`` (what both do with it) · ``reception`` (both of them, for
the service). Out: ``client`` (the Sender: picks the channel, shows in order, updates cards) ·
``channels`` (what each of the four can do) · ``render``, ``template``, ``passive``, ``words`` (Part
→ their JSON and XML) · ``api``, ``tokens``, ``errors``, ``pace`` (a call and what became of it) ·
``notes`` and ``stored`` (what must outlive a restart). Beside: ``contacts``, ``oauth``, ``probe``.
"""
