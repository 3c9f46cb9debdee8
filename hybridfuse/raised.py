"""What was raised, in words. Free of torch."""


def sentence(error: BaseException) -> str:
    """What an error says, on one line."""
    if isinstance(error, SystemExit):
        return f"sys.exit({'' if error.code is None else repr(error.code)}) was called"
    return " ".join(str(error).split()) or type(error).__name__


def raised(error: BaseException) -> str:
    """What an error is and says."""
    said = str(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
