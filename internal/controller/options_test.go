package controller

import (
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOptions(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		args    []string
		want    Options
		wantErr string // part of the message; it names the flag
	}{
		"the defaults are valid": {want: Options{
			Concurrency: 4, StatusWriteDelay: 500 * time.Millisecond, MaxStatusWriteDelay: 30 * time.Second, ProposalTTL: time.Hour,
		}},
		"flags set them": {
			args: []string{"--concurrent-reconciles=9", "--status-write-delay=0", "--max-status-write-delay=0", "--proposal-ttl=0", "--finished-ttl=168h"},
			want: Options{Concurrency: 9, FinishedTTL: 168 * time.Hour},
		},
		"no worker is an error":              {args: []string{"--concurrent-reconciles=0"}, wantErr: "--concurrent-reconciles"},
		"a negative status write delay":      {args: []string{"--status-write-delay=-1s"}, wantErr: "--status-write-delay"},
		"a status write delay over a minute": {args: []string{"--status-write-delay=2m"}, wantErr: "--status-write-delay"},
		"a negative maximum delay":           {args: []string{"--max-status-write-delay=-1s"}, wantErr: "--max-status-write-delay"},
		"a maximum delay over ten minutes":   {args: []string{"--max-status-write-delay=11m"}, wantErr: "--max-status-write-delay"},
		"a negative proposal TTL":            {args: []string{"--proposal-ttl=-1s"}, wantErr: "--proposal-ttl"},
		"a negative finished TTL":            {args: []string{"--finished-ttl=-1s"}, wantErr: "--finished-ttl"},
		"an invalid number":                  {args: []string{"--concurrent-reconciles=many"}, wantErr: "-concurrent-reconciles"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fs := flag.NewFlagSet("test", flag.ContinueOnError)
			fs.SetOutput(t.Output())
			got := DefaultOptions()
			got.BindFlags(fs)
			err := fs.Parse(tc.args)
			if err == nil {
				err = got.Validate()
			}
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Fatalf("error = %v, want one naming %s", err, tc.wantErr)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
				t.Errorf("error %v, options (-want +got):\n%s", err, diff)
			}
		})
	}
}
