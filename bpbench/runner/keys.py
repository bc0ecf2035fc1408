"""Keys and a certificate for one run, by which driver, scheduler and workers know each other.

They differ from those of :meth:`distributed.security.Security.temporary` in the time for which they hold: from long ago
until long after. That they are made for one run and die with it is what protects; an hour that is written in them would
only part processes whose clocks differ, or end a run whose clock is set back.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

#: Before and after every clock that is set to anything.
HOLDS: Final = (datetime(1970, 1, 2, tzinfo=UTC), datetime(2199, 12, 31, tzinfo=UTC))


def temporary() -> Any:
    """Return a new :class:`distributed.security.Security` that nobody else has the keys of.

    Raises
    ------
    ImportError
        Where the package cryptography is missing.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID
    from distributed.security import Security

    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        encoding=serialization.Encoding.PEM,
        format=serialization.PrivateFormat.PKCS8,
        encryption_algorithm=serialization.NoEncryption(),
    ).decode()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bpbench")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("bpbench")]), critical=False)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(HOLDS[0])
        .not_valid_after(HOLDS[1])
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
        .decode()
    )
    roles = ("client", "scheduler", "worker")
    files = {f"tls_{role}_{part}": text for role in roles for part, text in (("key", private), ("cert", certificate))}
    return Security(require_encryption=True, tls_ca_file=certificate, **files)
