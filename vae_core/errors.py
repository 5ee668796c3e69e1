"""What can go wrong, each with a sentence that names the fault and the remedy."""

# ruff: noqa: N818 - named for what happened


class VaeCoreError(Exception):
    """Anything this package refuses; its text is written to be shown to a person."""


class BadConfig(VaeCoreError):
    """A setting has an unknown name, a wrong type or lies out of bounds."""


class UnknownDataset(VaeCoreError):
    """No dataset of that name is built in or imported."""


class DataUnavailable(VaeCoreError):
    """A known dataset is not on this machine and could not be fetched."""


class BadImages(VaeCoreError):
    """Images offered for import cannot be used; nothing was imported."""


class BadTable(VaeCoreError):
    """A table of text cannot be read, or does not fit the images it is about."""


class BadFactors(VaeCoreError):
    """Generating factors or attributes of a drawn image have the wrong shape, name or range."""


class RunNotFound(VaeCoreError):
    """No run has that name or id."""


class BadRun(VaeCoreError):
    """A run folder is damaged, incomplete or of an unknown format."""


class UnknownLauncher(VaeCoreError):
    """No launcher of that name is registered here."""


class RunBusy(VaeCoreError):
    """The run is being trained by another process."""


class ProcessLost(VaeCoreError):
    """One of the processes that train a run together ended before the run did."""


class BadName(VaeCoreError):
    """A run's or dataset's name is not plain or already taken."""


class ReadOnlyRun(VaeCoreError):
    """A pretrained run cannot be changed."""


class LookOnly(VaeCoreError):
    """The server is for looking only, and keeps nothing that a visitor does."""


class NoEncoder(VaeCoreError):
    """A run without an encoder was asked for the code of an image."""


class BadCodes(VaeCoreError):
    """Codes or images handed to a model have the wrong shape or are not finite."""


class TooFewPoints(VaeCoreError):
    """A projection needs more, or different, codes than were given."""


class MissingPackage(VaeCoreError):
    """An optional package is not installed."""


class StorageBusy(VaeCoreError):
    """The storage of a study is locked or cannot be reached now; tried again later, it may work."""
