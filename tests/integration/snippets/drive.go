package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
)

func main() {
	text, _ := os.ReadFile(os.Args[1])
	body, _ := os.ReadFile(os.Args[2])
	headers := http.Header{}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		pair := strings.SplitN(line, ": ", 2)
		headers.Set(pair[0], pair[1])
	}
	fmt.Println(verify(headers, body))
}
