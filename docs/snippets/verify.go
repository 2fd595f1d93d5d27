import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

func verify(headers http.Header, body []byte) bool { // body: the exact bytes that came, before they are parsed
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(os.Getenv("WEBHOOK_SECRET"), "whsec_"))
	id, timestamp := headers.Get("webhook-id"), headers.Get("webhook-timestamp")
	seconds, bad := strconv.ParseInt(timestamp, 10, 64)
	age := time.Now().Unix() - seconds
	if len(key) == 0 || err != nil || bad != nil || age > 300 || age < -300 {
		return false
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	right := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for _, one := range strings.Split(headers.Get("webhook-signature"), " ") {
		if hmac.Equal([]byte(one), []byte(right)) {
			return true
		}
	}
	return false
}

// if !verify(request.Header, body) { http.Error(w, "", 401); return }
