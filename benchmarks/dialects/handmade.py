r"""Small delimited files as programs and people write them, each with the table that is right.

An empty field is null. Where values may be read in two ways that a person would call right (with
or without the space behind a delimiter), the file has only what is read in one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Row = list[str | None]


@dataclass(frozen=True)
class DialectFile:
    """The bytes of a file, and the names and rows that it holds."""

    name: str
    data: bytes
    names: list[str]
    rows: list[Row]


_NAMES = ["id", "kind", "amount"]
_ROWS: list[list[str]] = [
    ["1", "north", "12.50"],
    ["2", "south", "7.25"],
    ["3", "north", "1250.00"],
    ["4", "west", "0.75"],
]
_COMMA = [[row[0], row[1], row[2].replace(".", ",")] for row in _ROWS]


def _lines(delimiter: str, rows: list[list[str]], end: str = "\n") -> str:
    return "".join(delimiter.join(row) + end for row in rows)


def _file(
    name: str, text: str | bytes, names: list[str] | None = None, rows: list[Row] | None = None
) -> DialectFile:
    data = text if isinstance(text, bytes) else text.encode()
    wanted: list[Row] = [list(row) for row in _ROWS] if rows is None else rows
    return DialectFile(name, data, names or _NAMES, wanted)


def _delimiters() -> Iterator[DialectFile]:
    table = [_NAMES, *_ROWS]
    marks = {
        "comma": ",",
        "semicolon": ";",
        "tab": "\t",
        "pipe": "|",
        "space": " ",
        "caret": "^",
        "tilde": "~",
        "colon": ":",
        "control_a": "\x01",
    }
    for name, mark in marks.items():
        yield _file(name, _lines(mark, table))
    yield _file(
        "many_spaces",
        "id  kind     amount\n 1  north     12.50\n 2  south      7.25\n"
        " 3  north   1250.00\n 4  west       0.75\n",
    )
    yield _file(
        "spaces_between_names_of_two_words",
        "shop name    price\nNorth End     1.50\nOld Town     12.50\nSouth        7.25\n",
        ["shop name", "price"],
        [["North End", "1.50"], ["Old Town", "12.50"], ["South", "7.25"]],
    )
    yield _file(
        "spaces_and_quotes",
        '"id" "kind" "amount"\n1 "far north" 2.5\n2 "south" 3.5\n',
        rows=[["1", "far north", "2.5"], ["2", "south", "3.5"]],
    )
    yield _file(
        "tabs_and_commas_in_text",
        "id\ttext\n1\tred, green\n2\tblue\n3\tone, two, three\n",
        ["id", "text"],
        [["1", "red, green"], ["2", "blue"], ["3", "one, two, three"]],
    )
    yield _file(
        "semicolons_in_quotes",
        'id,tags\n1,"a;b;c"\n2,"d;e;f"\n3,"g;h;i"\n',
        ["id", "tags"],
        [["1", "a;b;c"], ["2", "d;e;f"], ["3", "g;h;i"]],
    )
    yield _file(
        "pipes_in_values",
        "id,tags\n1,a|b\n2,c|d\n3,e|f\n",
        ["id", "tags"],
        [["1", "a|b"], ["2", "c|d"], ["3", "e|f"]],
    )
    yield _file(
        "times_with_colons",
        "at,load\n2026-01-05 10:00:00,5\n2026-01-05 11:00:00,7\n2026-01-05 12:00:00,6\n",
        ["at", "load"],
        [
            [f"2026-01-05 {hour}:00:00", load]
            for hour, load in (("10", "5"), ("11", "7"), ("12", "6"))
        ],
    )
    yield _file(
        "clock_times_and_spaces",
        "day time load\n2026-01-05 10:00 5\n2026-01-05 11:00 7\n",
        ["day", "time", "load"],
        [["2026-01-05", "10:00", "5"], ["2026-01-05", "11:00", "7"]],
    )


def _numbers() -> Iterator[DialectFile]:
    yield _file("decimal_comma", _lines(";", [_NAMES, *_COMMA]), rows=[list(row) for row in _COMMA])
    yield _file(
        "decimal_comma_in_every_column",
        "a;b;c\n1,5;2,5;3,5\n4,5;5,5;6,5\n7,5;8,5;9,5\n",
        ["a", "b", "c"],
        [["1,5", "2,5", "3,5"], ["4,5", "5,5", "6,5"], ["7,5", "8,5", "9,5"]],
    )
    yield _file(
        "decimal_comma_by_tabs",
        "a\tb\n1,5\t2,5\n3,5\t4,5\n",
        ["a", "b"],
        [["1,5", "2,5"], ["3,5", "4,5"]],
    )
    yield _file(
        "decimal_comma_in_quotes",
        'a,b\n"1,5","2,5"\n"3,5","4,5"\n',
        ["a", "b"],
        [["1,5", "2,5"], ["3,5", "4,5"]],
    )
    yield _file(
        "decimal_comma_in_one_column",
        "price\n1,5\n2,5\n3,5\n",
        ["price"],
        [["1,5"], ["2,5"], ["3,5"]],
    )
    yield _file(
        "thousands_points",
        "shop;sales\nA;1.234,50\nB;12.345,00\nC;999,99\n",
        ["shop", "sales"],
        [["A", "1.234,50"], ["B", "12.345,00"], ["C", "999,99"]],
    )
    yield _file(
        "thousands_commas_in_quotes",
        'shop,sales\nA,"1,234.50"\nB,"12,345.00"\nC,999.99\n',
        ["shop", "sales"],
        [["A", "1,234.50"], ["B", "12,345.00"], ["C", "999.99"]],
    )
    yield _file(
        "thousands_commas_by_tabs",
        "shop\tsales\nA\t1,234\nB\t2,345\nC\t3,456\n",
        ["shop", "sales"],
        [["A", "1,234"], ["B", "2,345"], ["C", "3,456"]],
    )
    yield _file(
        "thousands_spaces",
        "shop;sales\nA;1 234,5\nB;12 345,0\nC;3 456,7\n",
        ["shop", "sales"],
        [["A", "1 234,5"], ["B", "12 345,0"], ["C", "3 456,7"]],
    )
    yield _file(
        "currencies_and_percent",
        "a;b\n1,50 €;12 %\n2,50 €;13 %\n",
        ["a", "b"],
        [["1,50 €", "12 %"], ["2,50 €", "13 %"]],
    )
    yield _file(
        "hexadecimal",
        "id,code\n1,0x1f\n2,0xff\n3,0x2a\n",
        ["id", "code"],
        [["1", "0x1f"], ["2", "0xff"], ["3", "0x2a"]],
    )


def _quotes() -> Iterator[DialectFile]:
    yield _file(
        "all_quoted", _lines(",", [[f'"{cell}"' for cell in row] for row in [_NAMES, *_ROWS]])
    )
    yield _file(
        "all_quoted_semicolons",
        _lines(";", [[f'"{cell}"' for cell in row] for row in [_NAMES, *_ROWS]]),
    )
    yield _file(
        "single_quotes",
        "id,text\n1,'red, green'\n2,'blue'\n3,'a, b, c'\n",
        ["id", "text"],
        [["1", "red, green"], ["2", "blue"], ["3", "a, b, c"]],
    )
    yield _file(
        "single_quotes_everywhere",
        "'id','text'\n'1','red'\n'2','blue'\n",
        ["id", "text"],
        [["1", "red"], ["2", "blue"]],
    )
    yield _file(
        "apostrophes",
        "id,text\n1,rock 'n' roll\n2,it's\n3,'tis\n",
        ["id", "text"],
        [["1", "rock 'n' roll"], ["2", "it's"], ["3", "'tis"]],
    )
    yield _file(
        "doubled_quotes",
        'id,text\n1,"a ""big"" one"\n2,"b, ""c"""\n',
        ["id", "text"],
        [["1", 'a "big" one'], ["2", 'b, "c"']],
    )
    yield _file(
        "backslash_quotes",
        'id,text\n1,"a \\"big\\" one"\n2,"b, \\"c\\", d"\n',
        ["id", "text"],
        [["1", 'a "big" one'], ["2", 'b, "c", d']],
    )
    yield _file(
        "backslash_quotes_and_lines",
        'id,text\n1,"size 6\\" pipe\nblue, spare"\n2,"plain"\n3,"8\\" pipe\nred, spare"\n',
        ["id", "text"],
        [["1", 'size 6" pipe\nblue, spare'], ["2", "plain"], ["3", '8" pipe\nred, spare']],
    )
    yield _file(
        "backslash_delimiters",
        "id,text\n1,red\\, green\n2,blue\n3,a\\, b\\, c\n",
        ["id", "text"],
        [["1", "red, green"], ["2", "blue"], ["3", "a, b, c"]],
    )
    yield _file(
        "backslashes_of_paths",
        'id,path\n1,"C:\\data\\"\n2,"D:\\x"\n',
        ["id", "path"],
        [["1", "C:\\data\\"], ["2", "D:\\x"]],
    )
    yield _file(
        "inches",
        'id,size\n1,5" pipe\n2,6" pipe\n3,7.5" pipe\n',
        ["id", "size"],
        [["1", '5" pipe'], ["2", '6" pipe'], ["3", '7.5" pipe']],
    )
    yield _file(
        "tabs_without_quoting",
        'id\ttitle\n1\t"Unclosed\n2\tPlain\n3\t"Big" Joe\n',
        ["id", "title"],
        [["1", '"Unclosed'], ["2", "Plain"], ["3", '"Big" Joe']],
    )
    yield _file(
        "line_ends_in_quotes",
        'id,text\n1,"two\nlines"\n2,"three\n\nlines"\n3,one\n',
        ["id", "text"],
        [["1", "two\nlines"], ["2", "three\n\nlines"], ["3", "one"]],
    )
    yield _file(
        "names_in_quotes_with_commas",
        '"id","price, EUR"\n1,2.5\n2,3.5\n',
        ["id", "price, EUR"],
        [["1", "2.5"], ["2", "3.5"]],
    )
    yield _file(
        "spaces_before_quotes",
        'id, text, n\n1, "red, green", 5\n2, "blue", 6\n',
        ["id", "text", "n"],
        [["1", "red, green", "5"], ["2", "blue", "6"]],
    )
    yield _file(
        "json_in_quotes",
        'id,doc\n1,"{""a"": 1, ""b"": 2}"\n2,"{""a"": 3, ""b"": 4}"\n',
        ["id", "doc"],
        [["1", '{"a": 1, "b": 2}'], ["2", '{"a": 3, "b": 4}']],
    )
    yield _file("empty_quotes", 'id,text\n1,""\n2,"x"\n', ["id", "text"], [["1", None], ["2", "x"]])


def _above() -> Iterator[DialectFile]:
    plain, semicolons = _lines(",", [_NAMES, *_ROWS]), _lines(";", [_NAMES, *_COMMA])
    decimals: list[Row] = [list(row) for row in _COMMA]
    yield _file("title", "Sales by region\n" + plain)
    yield _file(
        "titles_and_blank_line",
        "Sales by region\nPrinted: 2026-01-05\n\n" + semicolons,
        rows=decimals,
    )
    yield _file("titles_with_delimiters", "Sales,,\nJanuary,,\n" + plain)
    yield _file("sep_line", "sep=;\n" + semicolons, rows=decimals)
    yield _file("sep_line_comma_crlf", "sep=,\r\n" + _lines(",", [_NAMES, *_ROWS], "\r\n"))
    yield _file("sep_line_in_quotes", '"sep=|"\n' + _lines("|", [_NAMES, *_ROWS]))
    yield _file("blank_first_line", "\n" + plain)
    yield _file("blank_lines_between", plain.replace("\n", "\n\n"))
    yield _file("comments_above", "# made by a program\n# on 2026-01-05\n" + plain)
    yield _file(
        "comments_between",
        "# made by a program\n" + plain.replace("3,north", "# a note, in between\n3,north"),
    )
    yield _file("names_in_a_comment", "# id kind amount\n" + _lines(" ", _ROWS))
    yield _file("names_behind_a_mark", "#" + plain)
    yield _file(
        "values_with_number_signs",
        "colour,n\n#ff0000,5\n#00ff00,6\n#0000ff,7\n",
        ["colour", "n"],
        [["#ff0000", "5"], ["#00ff00", "6"], ["#0000ff", "7"]],
    )
    yield _file(
        "row_of_units",
        "t,v\n[s],[m/s]\n0,1.5\n1,2.5\n2,3.5\n",
        ["t", "v"],
        [["0", "1.5"], ["1", "2.5"], ["2", "3.5"]],
    )
    yield _file("byte_order_mark", b"\xef\xbb\xbf" + plain.encode())


def _rows() -> Iterator[DialectFile]:
    plain = _lines(",", [_NAMES, *_ROWS])
    yield _file("crlf", plain.replace("\n", "\r\n"))
    yield _file("cr", plain.replace("\n", "\r"))
    yield _file("no_last_line_end", plain.rstrip("\n"))
    yield _file("only_names", "id;kind;amount\n", rows=[])
    yield _file("only_names_without_line_end", "id,kind,amount", rows=[])
    yield _file("one_row", "id;kind;amount\n1;north;12,50\n", rows=[["1", "north", "12,50"]])
    yield _file(
        "one_column", "kind\nnorth\nsouth\nnorth\n", ["kind"], [["north"], ["south"], ["north"]]
    )
    yield _file(
        "one_column_of_texts",
        "review\nGood, but slow\nBad\nFine, fine, fine\n",
        ["review"],
        [["Good, but slow"], ["Bad"], ["Fine, fine, fine"]],
    )
    yield _file(
        "one_column_of_full_names",
        "full name\nAnn Lee\nBo Chan\nCy Young\n",
        ["full name"],
        [["Ann Lee"], ["Bo Chan"], ["Cy Young"]],
    )
    yield _file(
        "trailing_delimiters",
        "id,kind,amount,\n1,a,2.5,\n2,b,3.5,\n3,c,4.5,\n",
        rows=[["1", "a", "2.5"], ["2", "b", "3.5"], ["3", "c", "4.5"]],
    )
    yield _file(
        "trailing_delimiters_below_the_names",
        "id;kind;amount\n1;a;2,5;\n2;b;3,5;\n3;c;4,5;\n",
        rows=[["1", "a", "2,5"], ["2", "b", "3,5"], ["3", "c", "4,5"]],
    )
    yield _file(
        "rows_filled_up",
        "id,kind\n1,a,,\n2,b\n3,c,\n4,d\n",
        ["id", "kind"],
        [["1", "a"], ["2", "b"], ["3", "c"], ["4", "d"]],
    )
    yield _file(
        "nameless_index",
        ",amount\n0,2.5\n1,3.5\n2,4.5\n",
        ["column_0", "amount"],
        [["0", "2.5"], ["1", "3.5"], ["2", "4.5"]],
    )
    yield _file(
        "index_without_a_place",
        '"x" "y"\n"1" 0.5 "a"\n"2" 0.7 "b"\n"3" 0.9 "a"\n',
        ["column_0", "x", "y"],
        [["1", "0.5", "a"], ["2", "0.7", "b"], ["3", "0.9", "a"]],
    )
    yield _file(
        "several_nameless_columns",
        "a,b,,\n1,x,,\n2,y,,\n3,z,,\n",
        ["a", "b", "column_2", "column_3"],
        [["1", "x", None, None], ["2", "y", None, None], ["3", "z", None, None]],
    )
    yield _file(
        "no_header",
        "5.1,3.5,setosa\n4.9,3.0,setosa\n7.0,3.2,versicolor\n",
        ["column_0", "column_1", "column_2"],
        [["5.1", "3.5", "setosa"], ["4.9", "3.0", "setosa"], ["7.0", "3.2", "versicolor"]],
    )
    yield _file(
        "years_as_names",
        "land,2019,2020\nA,5.5,6.5\nB,7.5,8.5\n",
        ["land", "2019", "2020"],
        [["A", "5.5", "6.5"], ["B", "7.5", "8.5"]],
    )
    yield _file(
        "repeated_names",
        "x,y,x\n1,2,3\n4,5,6\n",
        ["x", "y", "x"],
        [["1", "2", "3"], ["4", "5", "6"]],
    )
    yield _file(
        "empty_fields",
        "a,b,c\n1,,3\n,2,\n4,5,6\n",
        ["a", "b", "c"],
        [["1", None, "3"], [None, "2", None], ["4", "5", "6"]],
    )
    yield _file(
        "only_text",
        "name;town\nAnn;Rome\nBo;Oslo\n",
        ["name", "town"],
        [["Ann", "Rome"], ["Bo", "Oslo"]],
    )


def _encodings() -> Iterator[DialectFile]:
    text = "größe;ort;straße\n1,5;Köln;Höhe\n2,5;Düsseldorf;Süd\n"
    names, rows = (
        ["größe", "ort", "straße"],
        [["1,5", "Köln", "Höhe"], ["2,5", "Düsseldorf", "Süd"]],
    )
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"):
        yield _file(
            f"not_ascii_{encoding}", text.encode(encoding), names, [list(row) for row in rows]
        )
    yield _file(
        "names_in_other_letters",
        "ид,сумма\n1,2.5\n2,3.5\n",
        ["ид", "сумма"],
        [["1", "2.5"], ["2", "3.5"]],
    )


HANDMADE = (
    *_delimiters(),
    *_numbers(),
    *_quotes(),
    *_above(),
    *_rows(),
    *_encodings(),
)
"""All of them."""
