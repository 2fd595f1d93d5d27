import base64, hashlib, hmac, os, time

def verify(headers, body):  # body: the exact bytes that came, before they are parsed
    key = base64.b64decode(os.environ['WEBHOOK_SECRET'].removeprefix('whsec_'))
    id, timestamp = headers.get('webhook-id', ''), headers.get('webhook-timestamp', '')
    if not key or not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > 300:
        return False
    digest = hmac.new(key, f'{id}.{timestamp}.'.encode() + body, hashlib.sha256).digest()
    right = 'v1,' + base64.b64encode(digest).decode()
    return any(hmac.compare_digest(right.encode(), one.encode()) for one in headers.get('webhook-signature', '').split(' '))

# if not verify(request.headers, body): answer 401, and do nothing else
