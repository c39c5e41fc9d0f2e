-- description: The same for z of 0 or more (normal_above).
create or replace macro normal_tail(z) as
exp(-z * z / 2) * 0.3989422804014327 / (1 + 0.2316419 * z) * (
    0.319381530 + (
        -0.356563782 + (1.781477937 + (-1.821255978 + 1.330274429 / (1 + 0.2316419 * z)) / (1 + 0.2316419 * z)) / (1 + 0.2316419 * z)
    ) / (1 + 0.2316419 * z)
)
