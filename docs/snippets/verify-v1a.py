import base64, time
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KEY = Ed25519PublicKey.from_public_bytes(base64.b64decode('whpk_…'.removeprefix('whpk_')))

def verify(headers, body):  # body: the exact bytes that came, before they are parsed
    id, timestamp = headers.get('webhook-id', ''), headers.get('webhook-timestamp', '')
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > 300:
        return False
    for one in headers.get('webhook-signature', '').split(' '):
        try:
            if one.startswith('v1a,'):
                KEY.verify(base64.b64decode(one[4:]), f'{id}.{timestamp}.'.encode() + body)
                return True
        except (InvalidSignature, ValueError):
            pass
    return False

# if not verify(request.headers, body): answer 401, and do nothing else
