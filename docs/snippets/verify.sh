#!/bin/sh
# WEBHOOK_SECRET=whsec_… sh verify.sh WEBHOOK-ID WEBHOOK-TIMESTAMP WEBHOOK-SIGNATURE <BODY
# For looking into one delivery by hand: other users of the machine can see the key among openssl's arguments while it runs.
id=$1 timestamp=$2 signatures=$3
key=$(printf %s "${WEBHOOK_SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
case $timestamp in '' | *[!0-9]* | ????????????*) echo "no timestamp"; exit 1 ;; esac
age=$(($(date +%s) - timestamp))
[ -n "$key" ] || { echo "no secret"; exit 1; }
[ "$age" -le 300 ] && [ "$age" -ge -300 ] || { echo "the timestamp is $age s old"; exit 1; }
right=v1,$({ printf '%s.%s.' "$id" "$timestamp"; cat; } | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)
for one in $signatures; do
	[ "$one" != "$right" ] || { echo "verified"; exit 0; }
done
echo "no signature fits: $right would"
exit 1
