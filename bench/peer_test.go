package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/roster-gateway/roster/bench/dataset"
)

func TestPeerRequestsHoldTheKeys(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "peer.json")
	text := `{"address": "127.0.0.1:1", "headers": {"Authorization": "Bearer x"}, "workloads": {
		"diamond": {"method": "POST", "path": "/q", "body": "{\"group\": \"{{groupId}}\"}", "contains": ["{{groupName}}"], "atLeast": 5}}}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	other, err := readPeer(path)
	if err != nil {
		t.Fatal(err)
	}
	data := dataset.New(1)
	b := &bench{data: data, keys: newKeys(data), other: other}
	if sides := b.peerSide("user"); sides != nil {
		t.Errorf("the peer is asked what it does not know: %v", sides)
	}
	script := b.peerSide("diamond")[0].script
	request, key := script.Next(nil, rand.New(rand.NewPCG(1, 1)))
	top := &data.Groups[data.DiamondTop]
	for _, want := range []string{"POST /q HTTP/1.1\r\n", "Authorization: Bearer x\r\n", "\r\n\r\n{\"group\": \"" + top.UID.String() + `"}`} {
		if !strings.Contains(string(request), want) {
			t.Errorf("%q is not in %q", want, request)
		}
	}
	if err := script.Check(key, []byte("it is "+top.Name)); err != nil {
		t.Error(err)
	}
	for _, wrong := range []string{"", "it is another one", top.Name[:4]} {
		if script.Check(key, []byte(wrong)) == nil {
			t.Errorf("%q is taken for right", wrong)
		}
	}
}

func TestPeerFileIsChecked(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{`, `{"adress": ""}`, `{"workloads": {"scim-create": {}}}`} {
		path := filepath.Join(t.TempDir(), "peer.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readPeer(path); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}
