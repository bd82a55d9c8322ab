"""DingTalk as its clients know it: Stream out, robot, cards, contacts, media and DING in."""
