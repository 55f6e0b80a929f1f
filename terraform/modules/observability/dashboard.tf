# From rows (rows.tf) to CloudWatch's JSON: each widget stands right of the one before it, each row below the one before it.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
locals {
  # A widget whose `when` is false is left out, and so are its lines; a row without widgets leaves its heading out too.
  shown = [
    for row in [
      for row in local.rows : { title = row.title, height = row.height, widgets = [for widget in row.widgets : widget if widget.when] }
    ] : row if length(row.widgets) > 0
  ]

  # `top` is the grid line on which a row's heading stands; the heading is one high where there is one.
  placed = [
    for position, row in local.shown : {
      title   = row.title
      height  = row.height
      widgets = row.widgets
      top     = sum(concat([0], [for above in slice(local.shown, 0, position) : above.height + (above.title == null ? 0 : 1)]))
    }
  ]

  headings = [
    for row in local.placed : {
      type       = "text"
      x          = 0
      y          = row.top
      width      = 24
      height     = 1
      properties = { markdown = "## ${row.title}" }
    } if row.title != null
  ]

  texts = flatten([
    for row in local.placed : [
      for column, widget in row.widgets : {
        type       = "text"
        x          = sum(concat([0], [for left in slice(row.widgets, 0, column) : left.width]))
        y          = row.top + (row.title == null ? 0 : 1)
        width      = widget.width
        height     = row.height
        properties = { markdown = widget.text }
      } if can(widget.text)
    ]
  ])

  graphs = flatten([
    for row in local.placed : [
      for column, widget in row.widgets : {
        type   = "metric"
        x      = sum(concat([0], [for left in slice(row.widgets, 0, column) : left.width]))
        y      = row.top + (row.title == null ? 0 : 1)
        width  = widget.width
        height = row.height
        properties = merge(
          {
            title   = widget.title
            region  = var.region
            view    = try(widget.view, "timeSeries")
            stacked = try(widget.stacked, false)
            period  = try(widget.period, 60)
            stat    = "Sum"
            yAxis   = { left = { min = 0, label = try(widget.unit, ""), showUnits = false } }
            # `try` takes the first form that fits: a line with `math` is an expression over the others' ids, else a metric.
            metrics = [
              for line in widget.lines : try(
                [merge({ expression = line.math, label = line.label, region = var.region }, try({ color = line.color }, {}))],
                concat(
                  [local.sources[line.of].namespace, line.metric],
                  flatten([for key, value in local.sources[line.of].dimensions : [key, value]]),
                  [merge(
                    { stat = try(line.stat, "Sum") },
                    try({ label = line.label }, { visible = false }), # what has no label feeds an expression
                    try({ id = line.id }, {}),
                    try({ color = line.color }, {}),
                  )],
                ),
              ) if try(line.when, true)
            ]
          },
          try({ annotations = { horizontal = [{ label = "limit", value = widget.limit, color = local.red }] } }, {}),
          { for key in ["sparkline"] : key => true if try(widget.view, "timeSeries") == "singleValue" },
        )
      } if can(widget.lines)
    ]
  ])

  # Others: the status of alarms, and the last lines of logs that a query of Logs Insights finds.
  others = flatten([
    for row in local.placed : [
      for column, widget in row.widgets : {
        type   = can(widget.query) ? "log" : "alarm"
        x      = sum(concat([0], [for left in slice(row.widgets, 0, column) : left.width]))
        y      = row.top + (row.title == null ? 0 : 1)
        width  = widget.width
        height = row.height
        properties = merge(
          { title = widget.title },
          { for key in ["region"] : key => var.region if can(widget.query) },
          { for key in ["view"] : key => "table" if can(widget.query) },
          try({ query = widget.query }, {}),
          try({ alarms = widget.alarms, sortBy = "stateUpdatedTimestamp" }, {}),
        )
      } if can(widget.query) || can(widget.alarms)
    ]
  ])
}

resource "aws_cloudwatch_dashboard" "operations" {
  dashboard_name = var.name
  dashboard_body = jsonencode({
    start          = "-PT3H"
    periodOverride = "inherit" # each graph keeps its period; what is old has coarser ones, which PERIOD() makes up for
    widgets        = concat(local.headings, local.texts, local.graphs, local.others)
  })
}
