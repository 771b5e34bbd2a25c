package scim_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
)

// Lists of every type are sorted and paged by cursors alike.
func TestConformanceSort(t *testing.T) {
	t.Parallel()
	for name, s := range subjects {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldOf(t, exampleTypes(t))
			ids := map[string]string{}
			for _, key := range []string{"b", "C", "a"} {
				ids[key] = s.create(w, key).text("id")
			}
			none := w.post(s.endpoint, map[string]any{s.key: "d"}).is(http.StatusCreated).text("id")
			for query, want := range map[string][]string{
				"sortBy=" + s.key: {ids["a"], ids["b"], ids["C"], none},
				"sortBy=" + s.key + "&sortOrder=descending":        {none, ids["C"], ids["b"], ids["a"]},
				"sortBy=" + s.list + ".value":                      {ids["a"], ids["b"], ids["C"], none},
				"sortBy=" + s.list + "&sortOrder=descending":       {none, ids["C"], ids["b"], ids["a"]},
				"sortBy=externalId&startIndex=2&count=1":           {ids["a"]},
				"sortBy=meta.created&sortOrder=descending&count=1": {none},
			} {
				same(t, query, want, w.get(s.endpoint+"?"+query).ids())
			}
			w.get(s.endpoint+"?sortBy=nonsense").fails(http.StatusBadRequest, "invalidValue")
			paged := []string{}
			for cursor := ""; ; {
				a := w.get(s.endpoint + "?sortBy=" + s.list + ".value&count=3&cursor=" + url.QueryEscape(cursor))
				paged = append(paged, a.ids()...)
				if cursor = a.text("nextCursor"); cursor == "" {
					break
				}
			}
			same(t, "by cursors", []string{ids["a"], ids["b"], ids["C"], none}, paged)
			same(t, ".search", []string{none}, w.post(s.endpoint+"/.search", map[string]any{"filter": s.key + ` eq "D"`}).ids())
		})
	}
}

// Values of every type have an order.
func TestConformanceSortOfTypes(t *testing.T) {
	t.Parallel()
	inEveryHome(t, func(t *testing.T, w *world, h home) {
		low := w.post(h.endpoint, h.body("low", object(t, `{"text":"A","exact":"B","flag":false,"count":2,"ratio":1.5,"at":"2024-03-01T08:00:00+02:00","place":{"room":"x","floor":2},"counts":[9,1],"levels":[{"value":2}]}`))).is(http.StatusCreated).text("id")
		high := w.post(h.endpoint, h.body("high", object(t, `{"text":"b","exact":"a","flag":true,"count":10,"ratio":10,"at":"2024-03-01T07:00:00Z","place":{"room":"x","floor":10},"counts":[10],"levels":[{"value":10}]}`))).is(http.StatusCreated).text("id")
		for _, name := range []string{"text", "exact", "flag", "count", "ratio", "at", "place.floor", "counts", "levels.value"} {
			want := []string{low, high}
			same(t, name, want, w.get(h.endpoint+"?sortBy="+h.path(name)).ids())
			slices.Reverse(want)
			same(t, name, want, w.get(h.endpoint+"?sortOrder=descending&sortBy="+h.path(name)).ids())
		}
	})
}
