// Command curl replaces the real one on machines without it that test the README. It supports the few flags that the
// README uses and rejects all others.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "curl:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("curl", flag.ContinueOnError)
	flags.Bool("s", false, "say nothing but the answer")
	method := flags.String("X", "", "method")
	data := flags.String("d", "", "body")
	headers := http.Header{}
	flags.Func("H", "header", func(line string) error {
		name, value, _ := strings.Cut(line, ":")
		headers.Set(name, strings.TrimSpace(value))
		return nil
	})
	url, args := "", append([]string(nil), args...)
	for len(args) > 0 {
		if err := flags.Parse(args); err != nil {
			return err
		}
		if args = flags.Args(); len(args) > 0 {
			url, args = args[0], args[1:]
		}
	}
	if *method == "" {
		*method = http.MethodGet
		if *data != "" {
			*method = http.MethodPost
		}
	}
	request, err := http.NewRequestWithContext(ctx, *method, url, strings.NewReader(*data))
	if err != nil {
		return fmt.Errorf("preparing the request: %w", err)
	}
	request.Header = headers
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(out, response.Body)
	return err
}
