"""MLflow's messages about artifacts."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from runyard.protocol.messages.common import Int64, Wire


class WireFile(Wire):
    """A file or a directory (MLflow's ``FileInfo``); a directory has no size."""

    path: str
    is_dir: bool
    file_size: int | UnsetType = UNSET


class ListArtifacts(Wire):
    """Query of ``artifacts/list``."""

    __wire_aliases__ = {"run_id": "run_uuid"}

    run_id: str
    path: str | None = None
    page_token: str | None = None


class ListArtifactsAnswer(Wire):
    """Answer of ``artifacts/list``."""

    root_uri: str
    files: list[WireFile] | UnsetType = UNSET


class ListProxiedArtifacts(Wire):
    """Query of ``mlflow-artifacts/artifacts``."""

    path: str | None = None


class ListProxiedArtifactsAnswer(Wire):
    """Answer of ``mlflow-artifacts/artifacts``."""

    files: list[WireFile] | UnsetType = UNSET


class CreatePresignedDownloadUrl(Wire):
    """Body of ``artifacts/presigned-download-url``."""

    run_id: str
    path: str
    expiration: Int64 | None = None


class CreatePresignedUploadUrl(Wire):
    """Body of ``artifacts/presigned-upload-url``."""

    path: str
    run_id: str | None = None
    model_id: str | None = None
    expiration: Int64 | None = None


class PresignedDownloadUrlAnswer(Wire):
    """Answer of ``mlflow-artifacts/presigned``; without a size, clients don't use the address."""

    url: str
    headers: dict[str, str]
    file_size: int | UnsetType = UNSET


class CreateMultipartUpload(Wire):
    """Body of ``mlflow-artifacts/mpu/create``; ``path`` says where the file lies on the client's machine."""

    path: str
    num_parts: Int64 | None = None


class PartCredential(Wire):
    """Where one part of a multipart upload is to be put (MLflow's ``MultipartUploadCredential``)."""

    url: str
    part_number: int
    headers: dict[str, str]


class CreateMultipartUploadAnswer(Wire):
    """Answer of ``mlflow-artifacts/mpu/create``."""

    upload_id: str
    credentials: list[PartCredential]


class UploadedPart(Wire):
    """One part of a multipart upload."""

    part_number: Int64 | None = None
    etag: str | None = None
    url: str | None = None


class CompleteMultipartUpload(Wire):
    """Body of ``mlflow-artifacts/mpu/complete``."""

    path: str
    parts: list[UploadedPart]
    upload_id: str | None = None


class AbortMultipartUpload(Wire):
    """Body of ``mlflow-artifacts/mpu/abort``."""

    path: str
    upload_id: str | None = None
