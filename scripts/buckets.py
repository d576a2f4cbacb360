"""Clients' buckets, as the settings say."""

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from scripts.errors import Failure
from scripts.settings import Settings

if TYPE_CHECKING:
    from agents.buckets import Buckets

# A client's code may stand in it: four small letters.
_BUCKET = re.compile(r"(?=.{3,63}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_ENDPOINT = re.compile(r"(https?)://(\[[\da-fA-F:.]+\]|[^\s:/@\[\]]+)(:\d{1,5})?/?")
_KMS = ("aws:kms", "aws:kms:dsse")
# Of these, either one or the other has sense.
_NOT_LOCAL = (
    "s3_endpoint",
    "s3_region",
    "s3_path_style",
    "s3_allow_http",
    "s3_cafile",
    "s3_access_key_id",
    "s3_secret_access_key",
    "s3_session_token",
    "s3_encryption",
    "s3_kms_key",
)


def buckets(settings: Settings, *, blocking: bool = True) -> "Buckets":
    """Return where clients' files go; `blocking` for a command, which does one thing at a time.

    Raises:
        Failure: the settings do not fit together; the line names them, and shows no secret.
    """
    # Imported here: most commands need no S3 client.
    from agents.buckets import CLIENT, LOCAL, S3, Buckets, without_authority

    url = without_authority(settings.s3_url)
    if url.startswith(LOCAL) and not url.startswith(f"{LOCAL}//") and url != LOCAL:
        for name in _NOT_LOCAL:
            if getattr(settings, name) not in {None, False}:
                raise Failure(
                    f"setting {name} goes with an s3_url of s3://...; it is a local folder"
                )
        return Buckets(url, blocking=blocking)
    bucket, _, prefix = url.removeprefix(S3).partition("/")
    if not url.startswith(S3) or not _BUCKET.fullmatch(bucket.replace(CLIENT, "acme")):
        # Not shown: people put credentials there.
        raise Failure(
            "setting s3_url: neither file:FOLDER nor s3://BUCKET[/PREFIX];"
            f" {CLIENT} in it stands for the client's code"
        )
    if re.search(r"[^\w./=-]", prefix.replace(CLIENT, "")) or "//" in prefix:
        raise Failure("setting s3_url: a prefix has letters, digits, and . _ - = / only")
    options: dict[str, Any] = {"timeout": timedelta(seconds=settings.s3_timeout_seconds)}
    if settings.s3_cafile is not None:
        try:
            options["root_certificate"] = settings.s3_cafile.read_bytes()
        except OSError as error:
            raise Failure(
                f"setting s3_cafile: {settings.s3_cafile}: {error.strerror or error}"
            ) from None
    if settings.s3_allow_http:
        options["allow_http"] = True
    return Buckets(
        url,
        _config(settings),
        options,
        conditional=settings.s3_create == "conditional",
        blocking=blocking,
    )


def _config(settings: Settings) -> dict[str, Any]:
    """Return what obstore takes; what is not said there, it takes from AWS's own variables."""
    endpoint = settings.s3_endpoint
    if endpoint is not None:
        found = _ENDPOINT.fullmatch(endpoint)
        if found is None:
            raise Failure("setting s3_endpoint: no http(s)://HOST[:PORT]")
        if found[1] == "http" and not settings.s3_allow_http:
            raise Failure(
                "setting s3_endpoint is http, which shows files to who listens;"
                " set s3_allow_http to true if that is no harm"
            )
    key_id, secret, token = (
        settings.s3_access_key_id,
        settings.s3_secret_access_key,
        settings.s3_session_token,
    )
    if (key_id is None) != (secret is None) or (token is not None and key_id is None):
        raise Failure(
            "settings s3_access_key_id and s3_secret_access_key go together,"
            " and s3_session_token with both"
        )
    if settings.s3_kms_key is not None and settings.s3_encryption not in _KMS:
        raise Failure(f"setting s3_kms_key goes with an s3_encryption of {' or '.join(_KMS)}")
    path_style = settings.s3_path_style
    config: dict[str, Any] = {
        "endpoint": endpoint,
        "region": settings.s3_region,
        "access_key_id": key_id,
        "secret_access_key": secret,
        "session_token": token,
        "server_side_encryption": settings.s3_encryption,
        "sse_kms_key_id": settings.s3_kms_key,
        "virtual_hosted_style_request": not (
            endpoint is not None if path_style is None else path_style
        ),
    }
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in config.items()
        if value is not None
    }
