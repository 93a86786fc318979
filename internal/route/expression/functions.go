// SPDX-License-Identifier: Apache-2.0

package expression

import "slices"

// Function is a function, macro or operator of expressions, with an example.
type Function struct {
	Name, Doc string
	Example   string
	Gives     string // what the example evaluates to, as JSON
}

// Functions are all of them, grouped by what they work on.
func Functions() []Function { return slices.Clone(documented) }

// documented is the table of the documentation. Every function of the language has a row,
// and every example is evaluated by a test.
var documented = []Function{
	{"&& || !", "and, or, not", `true && !(false || false)`, `true`},
	{"== != < <= > >=", "compares; int and double compare with each other", `2 >= 1.5`, `true`},
	{"+ - * / %", "computes; + joins text and lists", `7 / 2 + 7 % 2`, `4`},
	{"? :", "one of two values", `1 > 2 ? "a" : "b"`, `"b"`},
	{"in", "whether a list has a value, or a map a key", `"eu" in ["eu", "us"]`, `true`},
	{"[ ]", "a value of a list, from 0, or of a map", `["a", "b"][1]`, `"b"`},
	{".? [? ]", "a member that may be absent", `{"a": 1}.?b.orValue(0)`, `0`},
	{"has", "whether a member is there, and all on the way to it", `has({"a": {"b": 1}}.a.b)`, `true`},
	{"size", "how many characters, elements or members", `size("größe") + [1, 2].size()`, `7`},
	{"type", "the type of a value, to compare", `type(1) == int`, `true`},
	{"dyn", "a value whose type is not checked, so that two can differ", `true ? dyn("a") : dyn(1)`, `"a"`},

	{"int", "a whole number of text or another number", `int("12") + int(3.9)`, `15`},
	{"uint", "a whole number that is not negative", `uint("12")`, `12`},
	{"double", "a number of text", `double("1.5") + 1.0`, `2.5`},
	{"string", "text of a number, a boolean or a timestamp", `string(12) + "a"`, `"12a"`},
	{"bool", "true or false of text", `bool("true")`, `true`},
	{"bytes", "the bytes of text, in UTF-8", `size(bytes("ü"))`, `2`},
	{"timestamp", "a time of text in RFC 3339", `timestamp("2026-11-22T09:30:00Z")`, `"2026-11-22T09:30:00Z"`},
	{"duration", "a length of time", `timestamp("2026-11-22T00:00:00Z") + duration("36h")`, `"2026-11-23T12:00:00Z"`},
	{"base64.encode", "bytes as text in base64", `base64.encode(b"hello")`, `"aGVsbG8="`},
	{"base64.decode", "the bytes that text in base64 stands for", `string(base64.decode("aGVsbG8="))`, `"hello"`},

	{"contains", "whether text has a part", `"sales/eu/a.csv".contains("/eu/")`, `true`},
	{"startsWith", "whether text begins with a part", `"sales/a.csv".startsWith("sales/")`, `true`},
	{"endsWith", "whether text ends in a part", `"sales/a.csv".endsWith(".csv")`, `true`},
	{"matches", "whether a regular expression (RE2) finds something in text", `"a-2026.csv".matches("^a-[0-9]{4}")`, `true`},
	{"split", "the parts of text between separators", `"sales/eu/a.csv".split("/")[1]`, `"eu"`},
	{"join", "text of a list", `["a", "b"].join("-")`, `"a-b"`},
	{"replace", "text with a part replaced, all or the first so many", `"a b c".replace(" ", "_")`, `"a_b_c"`},
	{"substring", "text from a character, from 0, up to another", `"20261122".substring(0, 4)`, `"2026"`},
	{"indexOf", "where a part begins, from 0; -1 for nowhere", `"a/b/c".indexOf("/")`, `1`},
	{"lastIndexOf", "where the last such part begins", `"a/b/c".lastIndexOf("/")`, `3`},
	{"charAt", "the character at a place, from 0", `"abc".charAt(1)`, `"b"`},
	{"lowerAscii", "text in small letters", `"EU".lowerAscii()`, `"eu"`},
	{"upperAscii", "text in capital letters", `"eu".upperAscii()`, `"EU"`},
	{"trim", "text without the white space around it", `" a ".trim()`, `"a"`},
	{"reverse", "text or a list from its end", `"abc".reverse()`, `"cba"`},
	{"format", "text with values put in: %s, %d, %.2f", `"%s has %d rows".format(["a.csv", 3])`, `"a.csv has 3 rows"`},
	{"strings.quote", "text in quotes, with escapes", `strings.quote("a\"b")`, `"\"a\\\"b\""`},
	{"regex.extract", "what a regular expression finds, or its group; may be absent",
		`regex.extract("part-00012.csv", "part-([0-9]+)").orValue("")`, `"00012"`},
	{"regex.extractAll", "all that it finds", `regex.extractAll("a1 b2", "[0-9]")`, `["1","2"]`},
	{"regex.replace", "text with all that it finds replaced; \\1 is its first group", `regex.replace("a-b", "(.)-(.)", "\\2-\\1")`, `"b-a"`},

	{"date", "the time that text stands for, by a layout as Python's strptime takes it, in UTC or in a time zone",
		`date("22.11.2026", "%d.%m.%Y", "Europe/Berlin")`, `"2026-11-21T23:00:00Z"`},
	{"format_date", "a time as text, by a layout as Python's strftime takes it, in UTC or in a time zone",
		`format_date(timestamp("2026-11-22T23:30:00Z"), "%Y-%m-%d", "Europe/Berlin")`, `"2026-11-23"`},
	{"strftime", "the same as format_date, as older files write it", `timestamp("2026-11-22T00:00:00Z").strftime("%Y%m%d")`, `"20261122"`},
	{"getFullYear", "the year", `timestamp("2026-11-22T09:30:15.250Z").getFullYear()`, `2026`},
	{"getMonth", "the month, from 0", `timestamp("2026-11-22T09:30:15.250Z").getMonth()`, `10`},
	{"getDate", "the day of the month, from 1", `timestamp("2026-11-22T09:30:15.250Z").getDate()`, `22`},
	{"getDayOfMonth", "the day of the month, from 0", `timestamp("2026-11-22T09:30:15.250Z").getDayOfMonth()`, `21`},
	{"getDayOfWeek", "the day of the week, from 0 for Sunday", `timestamp("2026-11-22T09:30:15.250Z").getDayOfWeek()`, `0`},
	{"getDayOfYear", "the day of the year, from 0", `timestamp("2026-11-22T09:30:15.250Z").getDayOfYear()`, `325`},
	{"getHours", "the hour, in UTC or in a time zone", `timestamp("2026-11-22T09:30:15.250Z").getHours("Europe/Berlin")`, `10`},
	{"getMinutes", "the minute", `timestamp("2026-11-22T09:30:15.250Z").getMinutes()`, `30`},
	{"getSeconds", "the second", `timestamp("2026-11-22T09:30:15.250Z").getSeconds()`, `15`},
	{"getMilliseconds", "the millisecond", `timestamp("2026-11-22T09:30:15.250Z").getMilliseconds()`, `250`},

	{"all", "whether something holds for all elements", `[1, 2].all(n, n > 0)`, `true`},
	{"exists", "whether it holds for one", `[{"sku": "a"}, {"sku": "b"}].exists(i, i.sku == "b")`, `true`},
	{"exists_one", "whether it holds for exactly one", `[1, 2, 3].exists_one(n, n > 2)`, `true`},
	{"filter", "the elements for which it holds", `[1, 2, 3].filter(n, n > 1)`, `[2,3]`},
	{"map", "something of each element", `[{"sku": "a"}, {"sku": "b"}].map(i, i.sku)`, `["a","b"]`},
	{"first", "the first element; may be absent", `["a", "b"].first().orValue("")`, `"a"`},
	{"last", "the last element; may be absent", `"sales/eu/a.csv".split("/").last().orValue("")`, `"a.csv"`},
	{"slice", "a part of a list, from an element, from 0, up to another", `["a", "b", "c"].slice(1, 3)`, `["b","c"]`},
	{"sort", "the elements in order", `["b", "a"].sort()`, `["a","b"]`},
	{"sortBy", "the elements in the order of something of each", `[{"n": 2}, {"n": 1}].sortBy(i, i.n)[0].n`, `1`},
	{"distinct", "the elements without duplicates", `["a", "b", "a"].distinct()`, `["a","b"]`},
	{"flatten", "the elements of lists in a list", `[[1], [2, 3]].flatten()`, `[1,2,3]`},
	{"hasAll", "whether a list has all elements of another", `["a", "b"].hasAll(["a"])`, `true`},
	{"hasAny", "whether it has one of them", `["a", "b"].hasAny(["b", "c"])`, `true`},
	{"hasOnly", "whether it has no others", `["a", "b"].hasOnly(["a"])`, `false`},
	{"hasExactly", "whether it has all of them and no others", `["a", "b"].hasExactly(["b", "a"])`, `true`},
	{"lists.range", "the numbers from 0 on", `lists.range(3)`, `[0,1,2]`},

	{"orValue", "an optional value, or a default", `{"a": 1}.?a.orValue(0)`, `1`},
	{"or", "an optional value, or another one", `{"b": 2}.?a.or({"b": 2}.?b).orValue(0)`, `2`},
	{"hasValue", "whether an optional value is there", `{"a": 1}.?b.hasValue()`, `false`},
	{"value", "an optional value that must be there", `{"a": 1}.?a.value()`, `1`},
	{"optMap", "something of an optional value, where it is there", `{"a": "x"}.?a.optMap(v, v + "!").orValue("")`, `"x!"`},
	{"optFlatMap", "the same, where that is optional too", `{"a": {"b": 1}}.?a.optFlatMap(v, v.?b).orValue(0)`, `1`},
	{"optional.of", "an optional value that is there", `optional.of(1).hasValue()`, `true`},
	{"optional.none", "one that is absent", `optional.none().hasValue()`, `false`},
	{"optional.ofNonZeroValue", "one that is absent where it is empty or 0", `optional.ofNonZeroValue("").orValue("none")`, `"none"`},
	{"optional.unwrap", "the optional values of a list that are there", `optional.unwrap([{"a": 1}.?a, {"a": 1}.?b])`, `[1]`},
	{"unwrapOpt", "the same", `[{"a": 1}.?a, {"a": 1}.?b].unwrapOpt()`, `[1]`},

	{"math.least", "the least of numbers", `math.least(3, 1, 2)`, `1`},
	{"math.greatest", "the greatest of numbers", `math.greatest([3, 1, 2])`, `3`},
	{"math.abs", "a number without its sign", `math.abs(-2)`, `2`},
	{"math.sign", "-1, 0 or 1", `math.sign(-2)`, `-1`},
	{"math.round", "a number rounded", `math.round(1.5)`, `2`},
	{"math.floor", "a number rounded down", `math.floor(1.9)`, `1`},
	{"math.ceil", "a number rounded up", `math.ceil(1.1)`, `2`},
	{"math.trunc", "a number without its fraction", `math.trunc(-1.9)`, `-1`},
	{"math.sqrt", "the square root", `math.sqrt(9.0)`, `3`},
	{"math.isFinite", "whether a double is an ordinary number", `math.isFinite(1.5)`, `true`},
	{"math.isInf", "whether it is infinite", `math.isInf(1.5)`, `false`},
	{"math.isNaN", "whether it is not a number", `math.isNaN(1.5)`, `false`},
	{"math.bitAnd", "the bits of both", `math.bitAnd(6, 3)`, `2`},
	{"math.bitOr", "the bits of either", `math.bitOr(6, 3)`, `7`},
	{"math.bitXor", "the bits of one of the two", `math.bitXor(6, 3)`, `5`},
	{"math.bitNot", "the other bits", `math.bitNot(0)`, `-1`},
	{"math.bitShiftLeft", "the bits moved up", `math.bitShiftLeft(1, 4)`, `16`},
	{"math.bitShiftRight", "the bits moved down", `math.bitShiftRight(16, 3)`, `2`},
}
