require 'openssl'

def verify(headers, body) # names in lower case; body: the exact bytes that came, before they are parsed
  key = ENV.fetch('WEBHOOK_SECRET').delete_prefix('whsec_').unpack1('m')
  id, timestamp = headers['webhook-id'].to_s, headers['webhook-timestamp'].to_s
  return false if key.empty? || !timestamp.match?(/\A\d+\z/) || (Time.now.to_i - timestamp.to_i).abs > 300

  right = 'v1,' + [OpenSSL::HMAC.digest('SHA256', key, "#{id}.#{timestamp}.".b + body.b)].pack('m0')
  headers['webhook-signature'].to_s.split(' ').any? { |one| OpenSSL.secure_compare(right, one) }
end

# head :unauthorized unless verify(headers, request.raw_post)
