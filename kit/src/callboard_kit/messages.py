"""What the kit's own parts tell each other."""

from callboard_contracts import Message


class KitMessage(Message, use_attribute_docstrings=False):
    """A message between parts of the kit. Nobody is shown its schema, so it need not explain its fields there.

    To find the words below its fields takes longer than all else that is done to make a class, in every process that
    starts. Messages of a service that is published, and all whose schema somebody reads, are a `Message`.
    """
