package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRun_sendsTheRequestOfTheFlags(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.Method+" "+r.URL.Path+" "+r.Header.Get("X-A")+" "+string(body))
	}))
	t.Cleanup(server.Close)
	tests := map[string]struct {
		args []string
		want string
	}{
		"a read":                  {args: []string{"-s", server.URL + "/x"}, want: "GET /x  "},
		"a posted body":           {args: []string{"-d", `{"a":1}`, "-H", "X-A: b", server.URL}, want: `POST / b {"a":1}`},
		"flags after the URL":     {args: []string{server.URL, "-X", "PATCH", "-d", "1"}, want: "PATCH /  1"},
		"a method without a body": {args: []string{"-X", "DELETE", server.URL}, want: "DELETE /  "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			if err := run(t.Context(), tt.args, &out); err != nil || out.String() != tt.want {
				t.Errorf("got %q, %v; want %q", out.String(), err, tt.want)
			}
		})
	}
}
