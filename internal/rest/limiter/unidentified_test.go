package limiter

import "testing"

func TestUnidentifiedPool_endsTheOldestEntryOfTheFullestAddress(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		limit, perAddress int
		enter             []string
		wantEnded         []int // indexes, in this order
	}{
		"below the limits":                        {4, 2, []string{"a", "a", "b", "b"}, nil},
		"an address at its limit":                 {9, 2, []string{"a", "a", "b", "a", "a"}, []int{0, 1}},
		"a full pool":                             {3, 3, []string{"b", "a", "a", "c"}, []int{1}},
		"a full pool of many addresses":           {4, 4, []string{"a", "b", "b", "c", "d"}, []int{1}},
		"an address limit above that of the pool": {1, 5, []string{"a", "b"}, []int{0}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := NewUnidentifiedPool(tc.limit, tc.perAddress)
			ended := make(chan int, len(tc.enter))
			var leaves []func()
			before := 0
			for i, address := range tc.enter {
				leaves = append(leaves, p.Enter(address, func() { ended <- i }))
				if p.Len() == before { // one was evicted
					if got := <-ended; len(tc.wantEnded) == 0 || got != tc.wantEnded[0] {
						t.Errorf("%d ended, want %v", got, tc.wantEnded)
					}
					tc.wantEnded = tc.wantEnded[min(1, len(tc.wantEnded)):]
				}
				before = p.Len()
			}
			if len(tc.wantEnded) > 0 {
				t.Errorf("%v did not end", tc.wantEnded)
			}
			for _, leave := range leaves {
				leave()
				leave()
			}
			if p.Len() != 0 || len(p.byAddress) != 0 {
				t.Errorf("%d entries are left", p.Len())
			}
		})
	}
}

func TestAddressOf_isTheIPv4AddressOrTheIPv6Network(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{
		"192.0.2.1:5": "192.0.2.1", "[::ffff:192.0.2.1]:5": "192.0.2.1", "[2001:db8:1:2:3::4]:5": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:5": "fe80::/64", "pipe": "pipe", "host:5": "host",
	} {
		if got := AddressOf(remote); got != want {
			t.Errorf("AddressOf(%q) = %q, want %q", remote, got, want)
		}
	}
}
