import (
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

var key, _ = base64.StdEncoding.DecodeString(strings.TrimPrefix("whpk_…", "whpk_"))

func verify(headers http.Header, body []byte) bool { // body: the exact bytes that came, before they are parsed
	id, timestamp := headers.Get("webhook-id"), headers.Get("webhook-timestamp")
	seconds, bad := strconv.ParseInt(timestamp, 10, 64)
	age := time.Now().Unix() - seconds
	if bad != nil || age > 300 || age < -300 {
		return false
	}
	signed := append([]byte(id+"."+timestamp+"."), body...)
	for _, one := range strings.Split(headers.Get("webhook-signature"), " ") {
		given, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(one, "v1a,"))
		if err == nil && strings.HasPrefix(one, "v1a,") && ed25519.Verify(key, signed, given) {
			return true
		}
	}
	return false
}

// if !verify(request.Header, body) { http.Error(w, "", 401); return }
