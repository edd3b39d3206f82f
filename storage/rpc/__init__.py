"""How processes and nodes speak: msgpack in length-prefixed frames over the world's streams."""
