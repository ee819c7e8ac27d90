"""The measuring harness: the same benchmark on bare metal and in the container, in interleaved pairs.

`runner.run(client, …) -> Result`, `report.render_table(result)`, `report.write_html(result, path)`,
`report.write_json(result, path)`, `Result.read(path)`, `suite.find() -> entries`.
"""
