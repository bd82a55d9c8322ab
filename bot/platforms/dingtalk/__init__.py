"""DingTalk: Stream in, robot and card API out. May import ``bot.chat`` and ``crm.kernel`` only.

In: ``stream`` (connections, acknowledgements) · ``link`` and ``lane`` (one connection, bounded
work) · ``frames`` and ``parse`` (their JSON → Ask). Out: ``client`` (the Sender) · ``render``,
``template``, ``fallback``, ``messages``, ``markdown`` (Part → their JSON) · ``api``, ``tokens``,
``errors`` (a call and what became of it). Beside: ``contacts``, ``oauth``, ``ding``, ``robots``,
``probe``.
"""
