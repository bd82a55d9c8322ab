"""DingTalk: Stream in, robot and card API out."""
