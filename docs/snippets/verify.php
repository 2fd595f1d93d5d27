<?php
function verify(array $headers, string $body): bool // names in lower case; $body: file_get_contents('php://input')
{
    $key = base64_decode(preg_replace('/^whsec_/', '', (string) getenv('WEBHOOK_SECRET')), true);
    $id = $headers['webhook-id'] ?? '';
    $timestamp = $headers['webhook-timestamp'] ?? '';
    if (!$key || !ctype_digit($timestamp) || abs(time() - (int) $timestamp) > 300) {
        return false;
    }
    $right = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
    foreach (explode(' ', $headers['webhook-signature'] ?? '') as $one) {
        if (hash_equals($right, $one)) {
            return true;
        }
    }
    return false;
}

// if (!verify(array_change_key_case(getallheaders()), $body)) { http_response_code(401); exit; }
